import BrokerClient
import BrokerWire

/// One thing that can be printed of a message.
enum MessageField: Hashable {
    case topic
    /// The value as a person reads it: a string without quotes and escapes.
    case payload
    /// The value as JSON text.
    case data
    /// The message as a JSON object, with the value as JSON.
    case message
    /// The same, with the value as a string, `payload`.
    case quotedMessage
    case payloadLength
    case retained
    case offset
    case epoch
    /// The value with all its digits, where a double would not hold them.
    case value
    case hexadecimal(isUppercase: Bool)
    /// Local time, ISO 8601.
    case isoTime
    /// Seconds since 1970, with nine decimals.
    case unixTime
    /// One conversion of `strftime`.
    case time(Unicode.Scalar)

    /// What stands behind `%`.
    init(letter: Unicode.Scalar?) throws(FormatError) {
        switch letter {
        case "t": self = .topic
        case "p": self = .payload
        case "d": self = .data
        case "j": self = .quotedMessage
        case "J": self = .message
        case "l": self = .payloadLength
        case "r": self = .retained
        case "o": self = .offset
        case "e": self = .epoch
        case "V": self = .value
        case "x": self = .hexadecimal(isUppercase: false)
        case "X": self = .hexadecimal(isUppercase: true)
        case "I": self = .isoTime
        case "U": self = .unixTime
        case let letter: throw FormatError("%", letter, "%t %p %d %j %J %l %r %o %e %V %x %X %I %U and %%")
        }
    }

    /// What stands behind `@`.
    init(timeLetter letter: Unicode.Scalar?) throws(FormatError) {
        guard let letter, ("a"..."z").contains(letter) || ("A"..."Z").contains(letter) else {
            throw FormatError("@", letter, "the letters of strftime, such as @H:@M:@S, and @@")
        }
        self = .time(letter)
    }

    var isNumber: Bool {
        switch self {
        case .payloadLength, .retained, .offset, .hexadecimal, .value: true
        default: false
        }
    }

    /// Whether it may be spread over lines.
    var isJSON: Bool { self == .payload || self == .data || self == .message }

    func append(_ message: Message, arrivedAt arrival: UInt64, to target: inout [UInt8]) {
        let milliseconds = message.timestampMilliseconds ?? arrival
        switch self {
        case .topic: target += message.topic.bytes
        case .payload: PayloadText.append(message.data, to: &target)
        case .data: target += message.data
        case .message: Self.appendObject(message, milliseconds, isQuoted: false, to: &target)
        case .quotedMessage: Self.appendObject(message, milliseconds, isQuoted: true, to: &target)
        case .payloadLength: target += String(Self.payload(of: message).count).utf8
        case .retained: target.append(UInt8(ascii: message.isRetained ? "1" : "0"))
        case .offset: target += String(message.offset).utf8
        case .epoch: target += (message.epoch ?? "").utf8
        case .value: target += message.exact.map { Array($0.utf8) } ?? message.data
        case .hexadecimal(let isUppercase): Self.appendHexadecimal(Self.payload(of: message), isUppercase, to: &target)
        case .isoTime: target += SystemCall.formatTime("%Y-%m-%dT%H:%M:%S%z", milliseconds: milliseconds)
        case .unixTime: Self.appendUnixTime(milliseconds, to: &target)
        case .time(let letter): target += SystemCall.formatTime("%\(letter)", milliseconds: milliseconds)
        }
    }

    private static func payload(of message: Message) -> [UInt8] {
        var payload: [UInt8] = []
        PayloadText.append(message.data, to: &payload)
        return payload
    }

    private static func appendHexadecimal(_ bytes: [UInt8], _ isUppercase: Bool, to target: inout [UInt8]) {
        let digits = Array((isUppercase ? "0123456789ABCDEF" : "0123456789abcdef").utf8)
        for byte in bytes {
            target.append(digits[Int(byte >> 4)])
            target.append(digits[Int(byte & 15)])
        }
    }

    private static func appendUnixTime(_ milliseconds: UInt64, to target: inout [UInt8]) {
        let fraction = String(milliseconds % 1000)
        target += String(milliseconds / 1000).utf8
        target.append(UInt8(ascii: "."))
        target += (String(repeating: "0", count: 3 - fraction.count) + fraction + "000000").utf8
    }

    /// Appends an object with the names of the protocol's `msg`, so that it can be published again.
    private static func appendObject(
        _ message: Message,
        _ milliseconds: UInt64,
        isQuoted: Bool,
        to target: inout [UInt8]
    ) {
        target += #"{"topic":""#.utf8
        JSONString.appendEscaped(message.topic.bytes, to: &target)
        target += #"","#.utf8
        if let epoch = message.epoch {
            target += #""epoch":""#.utf8
            JSONString.appendEscaped(Array(epoch.utf8), to: &target)
            target += #"","#.utf8
        }
        target += #""offset":\#(message.offset),"ts":\#(milliseconds),"#.utf8
        if message.isRetained { target += #""retained":true,"#.utf8 }
        if let exact = message.exact { target += #""exact":"\#(exact)","#.utf8 }
        if isQuoted {
            target += #""payload":""#.utf8
            JSONString.appendEscaped(Self.payload(of: message), to: &target)
            target += #""}"#.utf8
        } else {
            target += #""data":"#.utf8
            target += message.data
            target.append(UInt8(ascii: "}"))
        }
    }
}
