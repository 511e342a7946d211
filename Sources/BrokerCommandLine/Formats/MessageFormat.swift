import BrokerClient
import BrokerWire

/// How a message is printed: literal text with fields in it, in the letters of `mosquitto_sub`.
struct MessageFormat: Hashable {
    private enum Piece: Hashable {
        case text([UInt8])
        case field(MessageField, FieldLayout)
    }

    private let pieces: [Piece]
    /// Whether a newline ends each message.
    var endsLine = true
    /// Whether the payload is spread over lines.
    var isPretty = false

    /// The payload, behind the topic if `isVerbose`.
    init(isVerbose: Bool) {
        let payload = Piece.field(.payload, FieldLayout())
        self.pieces =
            isVerbose ? [.field(.topic, FieldLayout()), .text([UInt8(ascii: " ")]), payload] : [payload]
    }

    /// The whole message as a JSON object.
    static let json = Self(pieces: [.field(.message, FieldLayout())])

    private init(pieces: [Piece]) {
        self.pieces = pieces
    }

    /// Reads what stands behind `-F`.
    init(_ format: String) throws(FormatError) {
        var pieces: [Piece] = []
        var text: [UInt8] = []
        func endText() {
            if !text.isEmpty { pieces.append(.text(text)) }
            text = []
        }
        var rest = Substring.UnicodeScalarView(format.unicodeScalars)
        while let scalar = rest.popFirst() {
            switch scalar {
            case "%" where rest.first == "%":
                rest.removeFirst()
                text.append(UInt8(ascii: "%"))
            case "@" where rest.first == "@":
                rest.removeFirst()
                text.append(UInt8(ascii: "@"))
            case "%":
                endText()
                let layout = try FieldLayout(from: &rest)
                pieces.append(.field(try MessageField(letter: rest.popFirst()), layout))
            case "@":
                endText()
                pieces.append(.field(try MessageField(timeLetter: rest.popFirst()), FieldLayout()))
            case "\\":
                text.append(try Self.escaped(rest.popFirst()))
            default:
                text += String(scalar).utf8
            }
        }
        endText()
        self.pieces = pieces
    }

    private static func escaped(_ name: Unicode.Scalar?) throws(FormatError) -> UInt8 {
        switch name {
        case "n": return UInt8(ascii: "\n")
        case "t": return UInt8(ascii: "\t")
        case "r": return UInt8(ascii: "\r")
        case "a": return 0x07
        case "e": return 0x1B
        case "0": return 0
        case "\\": return UInt8(ascii: "\\")
        case let name: throw FormatError("\\", name, "\\n, \\t, \\r, \\a, \\e, \\0 and \\\\")
        }
    }

    /// Appends `message`.
    ///
    /// - `milliseconds`: When it arrived, since 1970; it counts where the broker does not say when it was accepted.
    func append(_ message: Message, arrivedAt milliseconds: UInt64, to target: inout [UInt8]) {
        for piece in self.pieces {
            switch piece {
            case .text(let text):
                target += text
            case .field(let field, let layout) where layout == FieldLayout():
                self.append(field, of: message, milliseconds, to: &target)
            case .field(let field, let layout):
                var content: [UInt8] = []
                self.append(field, of: message, milliseconds, to: &content)
                layout.append(content, isNumber: field.isNumber, to: &target)
            }
        }
        if self.endsLine { target.append(UInt8(ascii: "\n")) }
    }

    private func append(
        _ field: MessageField,
        of message: Message,
        _ milliseconds: UInt64,
        to target: inout [UInt8]
    ) {
        guard self.isPretty, field.isJSON else {
            return field.append(message, arrivedAt: milliseconds, to: &target)
        }
        switch field {
        case .payload where message.data.first != UInt8(ascii: "\""), .data:
            PrettyJSON.append(message.data, to: &target)
        case .message:
            var object: [UInt8] = []
            field.append(message, arrivedAt: milliseconds, to: &object)
            PrettyJSON.append(object, to: &target)
        default:
            field.append(message, arrivedAt: milliseconds, to: &target)
        }
    }
}

/// A format holds something that means nothing.
struct FormatError: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ description: String) {
        self.description = description
    }

    init(_ mark: String, _ name: Unicode.Scalar?, _ known: String) {
        let found = name.map { "'\(mark)\($0)' means nothing" } ?? "'\(mark)' stands at the end"
        self.description = "\(found); there are \(known)"
    }
}
