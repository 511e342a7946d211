/// A field that a client adds to the request of its handshake, for what stands between it and the broker.
///
/// Its value may be a key or a cookie, so however it is printed, dumped or logged, only the name appears.
public struct HeaderField: Hashable, Sendable {
    /// The name, as it was passed.
    public let name: String
    /// The value.
    public let value: String

    /// Takes a field that can be sent.
    ///
    /// Throws when the name is no token or the value holds control characters (RFC 9110, section 5.5), so that nobody
    /// can put a field of their own into the request, and for the fields that the handshake sets itself.
    public init(name: String, value: String) throws(ClientError) {
        guard !name.isEmpty, name.utf8.allSatisfy(Self.isTokenByte) else {
            throw ClientError(.invalidArgument, "'\(Self.shown(name))' can not be the name of a header field")
        }
        guard !Self.isReserved(name.lowercased()) else {
            throw ClientError(.invalidArgument, "the header field \(name) is set by the handshake itself")
        }
        guard value.utf8.allSatisfy({ ($0 >= 0x20 && $0 != 0x7F) || $0 == UInt8(ascii: "\t") }) else {
            throw ClientError(.invalidArgument, "the value of the header field \(name) holds a control character")
        }
        self.name = name
        self.value = value
    }

    /// Whether it says who the client is.
    package var isAuthorization: Bool { self.name.lowercased() == "authorization" }

    private static func isReserved(_ name: String) -> Bool {
        switch name {
        case "host", "upgrade", "connection": true
        // The request has no body, and one that announces one would make what follows part of it.
        case "content-length", "transfer-encoding", "te", "trailer", "expect": true
        default: name.hasPrefix("sec-websocket-")
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    /// A text that goes to a terminal.
    private static func shown(_ text: String) -> String {
        String(decoding: text.utf8.map { $0 < 0x20 || $0 == 0x7F ? UInt8(ascii: "?") : $0 }, as: UTF8.self)
    }
}

extension HeaderField: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The name; the value may be a secret.
    public var description: String { "\(self.name): ***" }

    /// The same.
    public var debugDescription: String { self.description }

    /// The name alone.
    public var customMirror: Mirror { Mirror(self, children: ["name": self.name]) }
}
