/// The number in a WebSocket Close frame.
public struct CloseCode: RawRepresentable, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// The same number as the error that the connection closes for.
    public init(_ code: ErrorCode) { self.rawValue = code.rawValue }

    public static let normal = Self(rawValue: 1000)
    public static let goingAway = Self(rawValue: 1001)
    public static let protocolError = Self(rawValue: 1002)
    /// A binary frame: the protocol is text.
    public static let unsupportedData = Self(rawValue: 1003)
    public static let invalidUTF8 = Self(rawValue: 1007)
    public static let policy = Self(rawValue: 1008)
    public static let tooLarge = Self(rawValue: 1009)
    public static let internalError = Self(rawValue: 1011)
    public static let serviceRestart = Self(rawValue: 1012)

    /// Whether a peer may send this number (RFC 6455, section 7.4, and the IANA registry).
    package var mayBeReceived: Bool {
        switch self.rawValue {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
