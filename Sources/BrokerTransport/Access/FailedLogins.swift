package import NIOCore
import Synchronization

/// Counts wrong credentials by address, so that nobody can guess for long.
///
/// The minute of an address begins with its first wrong credential; after `limit` of them it waits until that minute is
/// over. An IPv6 address counts as its /64, which one customer has all of.
///
/// Memory is bounded by ``addressesMax``. When so many have a minute that is not over, the one that began first is
/// forgotten: who has thousands of addresses guesses a little more, and nobody else is kept out for it.
package final class FailedLogins: Sendable {
    private struct Minute {
        var end: NIODeadline
        var failures: Int
    }

    /// Each costs some hundred bytes.
    package static let addressesMax = 4096
    private static let length = TimeAmount.minutes(1)

    private let limit: Int
    private let minutes = Mutex<[String: Minute]>([:])

    /// - `limit`: The most in a minute; 0 for no bound.
    package init(limit: Int) { self.limit = limit }

    /// How long an address has to wait until it may try again, in whole seconds of at least 1, or `nil` if it may.
    package func isBlocked(_ address: String, at now: NIODeadline) -> Int? {
        guard self.limit > 0 else { return nil }
        let minute = self.minutes.withLock { $0[AddressNetwork.key(of: address)] }
        guard let minute, minute.end > now, minute.failures >= self.limit else { return nil }
        let left = (minute.end - now).nanoseconds
        return Int((left + 999_999_999) / 1_000_000_000)
    }

    /// Notes that credentials from an address were wrong.
    package func failed(_ address: String, at now: NIODeadline) {
        guard self.limit > 0 else { return }
        let network = AddressNetwork.key(of: address)
        self.minutes.withLock { minutes in
            if let minute = minutes[network], minute.end > now {
                minutes[network]?.failures = minute.failures + 1
                return
            }
            if minutes.count >= Self.addressesMax, minutes[network] == nil { Self.makeRoom(&minutes, now) }
            minutes[network] = Minute(end: now + Self.length, failures: 1)
        }
    }

    /// How many addresses are remembered.
    package var count: Int { self.minutes.withLock { $0.count } }

    private static func makeRoom(_ minutes: inout [String: Minute], _ now: NIODeadline) {
        minutes = minutes.filter { $0.value.end > now }
        guard minutes.count >= Self.addressesMax, let first = minutes.min(by: { $0.value.end < $1.value.end }) else {
            return
        }
        minutes[first.key] = nil
    }
}
