import BrokerClient
import BrokerWire

/// Where the messages of a run of `wspub` come from. A path that is `nil` is standard input.
enum PublishSource: Hashable, Sendable {
    /// The command line.
    case message([UInt8])
    /// All of a file, as one message.
    case whole(path: String?)
    /// A message for each record of a file.
    case records(RecordFormat, path: String?)

    /// The file, for errors and to open it.
    var path: String? {
        switch self {
        case .message: nil
        case .whole(let path), .records(_, let path): path
        }
    }

    var isRecords: Bool {
        if case .records = self { true } else { false }
    }
}

/// How the records of an input are told apart, and what each is.
enum RecordFormat: Hashable, Sendable {
    /// A line is a message.
    case lines
    /// A message ends with a zero byte, and may have several lines.
    case nulSeparated
    /// A line is a JSON object with `topic` and `data`, as `wssub --json` prints them.
    case jsonLines

    var separator: UInt8 { self == .nulSeparated ? 0 : UInt8(ascii: "\n") }
}

/// One message to publish.
struct PublishRecord: Hashable {
    /// Where to; absent where the command line says it.
    var topic: Topic?
    /// The value as JSON text.
    var json: ArraySlice<UInt8>
    var retain = false

    /// Reads a record that is not empty.
    init(_ bytes: ArraySlice<UInt8>, as format: RecordFormat) throws(PayloadError) {
        guard format == .jsonLines else {
            self.json = try PayloadText.json(of: bytes)
            return
        }
        if let problem = bytes.withUnsafeBytes({ JSONCheck.problem(in: $0) }) {
            throw PayloadError(reason: "\(problem)")
        }
        guard let data = Self.member(Self.data, of: bytes) else {
            throw PayloadError(reason: "there is no 'data' in it")
        }
        self.json = data
        self.retain = Self.member(Self.retain, of: bytes).map { $0.elementsEqual("true".utf8) } ?? false
        guard let name = Self.member(Self.topic, of: bytes) else { return }
        guard name.first == UInt8(ascii: "\"") else { throw PayloadError(reason: "its 'topic' is no string") }
        var text: [UInt8] = []
        PayloadText.append(Array(name), to: &text)
        do throws(TopicError) {
            self.topic = try Topic(String(decoding: text, as: UTF8.self))
        } catch {
            throw PayloadError(reason: "its topic \(error)")
        }
    }

    /// A record does not say where it goes, and nor does the command line.
    static let withoutTopic = PayloadError(reason: "there is no 'topic' in it, and no -t")

    private static let topic = JSONPointer.member("topic")
    private static let data = JSONPointer.member("data")
    private static let retain = JSONPointer.member("retain")

    /// The text of one member of the object that `bytes` is.
    private static func member(_ pointer: JSONPointer, of bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        bytes.withUnsafeBytes { raw in
            guard let found = pointer.find(in: raw), let base = raw.baseAddress, let start = found.baseAddress else {
                return nil
            }
            let first = bytes.startIndex + (start - base)
            return bytes[first..<first + found.count]
        }
    }
}
