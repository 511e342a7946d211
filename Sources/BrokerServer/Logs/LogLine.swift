import BrokerWire
// FoundationEssentials for dates.
import FoundationEssentials

/// A line of the log, for people and for programs.
struct LogLine {
    /// Milliseconds since 1970.
    var time: UInt64
    var level: String
    var message: String
    var metadata: [(key: String, value: String)]

    /// The longest value: a log is no place for somebody's payload.
    private static let valueBytesMax = 2048

    init(time: UInt64, level: String, message: String, metadata: [(key: String, value: String)]) {
        self.time = time
        self.level = level
        self.message = message
        self.metadata = metadata.sorted { $0.key < $1.key }
    }

    /// `2026-11-26T05:04:22.123Z notice a backup was made bytes=40960 path=/backups/monday.db`
    var text: String {
        var line = "\(self.timestamp) \(self.level) \(self.message)"
        for (key, value) in self.metadata {
            line += " \(key)=\(Self.isBare(value) ? value : Self.quoted(value))"
        }
        return line
    }

    /// One object: `ts`, `level`, `msg`, and what else there is.
    var json: String {
        var members = [
            "\"ts\":\"\(self.timestamp)\"", "\"level\":\(Self.quoted(self.level))",
            "\"msg\":\(Self.quoted(self.message))",
        ]
        members += self.metadata.map { "\(Self.quoted($0.key)):\(Self.quoted($0.value))" }
        return "{" + members.joined(separator: ",") + "}"
    }

    /// As RFC 3339 has it, in UTC.
    private var timestamp: String {
        let date = Date(timeIntervalSince1970: Double(self.time) / 1000)
        return date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Whether a value can stand without quotes: what came from outside must not look like another field or line.
    private static func isBare(_ value: String) -> Bool {
        !value.isEmpty && value.utf8.count <= Self.valueBytesMax
            && value.utf8.allSatisfy { (0x21...0x7E).contains($0) && !#""=\"#.utf8.contains($0) }
    }

    private static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        JSONString.appendEscaped(text.utf8.prefix(Self.valueBytesMax), to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }
}
