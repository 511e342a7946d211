// FoundationEssentials for dates.
import FoundationEssentials

/// A moment in milliseconds since 1970 as people write it: `2027-01-01T00:00:00Z`.
enum Timestamp {
    static let form = #"a time in UTC such as "2027-01-01T00:00:00Z""#

    static func text(_ milliseconds: UInt64) -> String {
        Date(timeIntervalSince1970: Double(milliseconds / 1000)).formatted(.iso8601)
    }

    /// Only what ``text(_:)`` writes: a day that there is not would be another one otherwise.
    static func milliseconds(_ text: String) -> UInt64? {
        guard let date = try? Date(text, strategy: .iso8601), date.timeIntervalSince1970 >= 0 else { return nil }
        let milliseconds = UInt64(date.timeIntervalSince1970) * 1000
        return Self.text(milliseconds) == text ? milliseconds : nil
    }
}
