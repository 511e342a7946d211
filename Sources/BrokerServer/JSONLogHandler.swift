import BrokerWire
package import Logging

/// Writes one JSON object a line to standard error.
package struct JSONLogHandler: LogHandler {
    package var metadata: Logger.Metadata = [:]
    package var logLevel: Logger.Level = .info

    package init() {}

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var members = [("ts", "\(ProcessResources.wallClock())"), ("level", Self.quoted(event.level.rawValue))]
        members.append(("message", Self.quoted("\(event.message)")))
        let metadata = self.metadata.merging(event.metadata ?? [:]) { $1 }
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            members.append((key, Self.quoted("\(value)")))
        }
        BrokerOutput.errorLine("{" + members.map { Self.quoted($0.0) + ":" + $0.1 }.joined(separator: ",") + "}")
    }

    /// The longest text of one member: a log is no place for somebody's payload.
    private static let textBytesMax = 1024

    private static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = [UInt8(ascii: "\"")]
        JSONString.appendEscaped(text.utf8.prefix(Self.textBytesMax), to: &bytes)
        bytes.append(UInt8(ascii: "\""))
        return String(decoding: bytes, as: UTF8.self)
    }
}
