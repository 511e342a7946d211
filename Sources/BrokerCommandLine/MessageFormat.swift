import BrokerClient
import BrokerWire

/// How `wssub` prints a message: literal text with fields in it.
struct MessageFormat: Hashable {
    private enum Piece: Hashable {
        case text([UInt8])
        case topic
        case payload
        case json
        case offset
    }

    private let pieces: [Piece]

    /// The payload, behind the topic if `isVerbose`.
    init(isVerbose: Bool) {
        self.pieces = isVerbose ? [.topic, .text([UInt8(ascii: " ")]), .payload] : [.payload]
    }

    /// Reads what stands behind `-F`.
    init(_ format: String) throws(FormatError) {
        var pieces: [Piece] = []
        var text: [UInt8] = []
        func endText() {
            if !text.isEmpty { pieces.append(.text(text)) }
            text = []
        }
        var characters = format.unicodeScalars.makeIterator()
        while let character = characters.next() {
            switch character {
            case "%":
                let name = characters.next()
                if name == "%" {
                    text.append(UInt8(ascii: "%"))
                } else {
                    endText()
                    pieces.append(try Self.field(name))
                }
            case "\\":
                text.append(try Self.escaped(characters.next()))
            default:
                text += String(character).utf8
            }
        }
        endText()
        self.pieces = pieces
    }

    private static func field(_ name: Unicode.Scalar?) throws(FormatError) -> Piece {
        switch name {
        case "t": return .topic
        case "p": return .payload
        case "j": return .json
        case "o": return .offset
        case let name: throw FormatError("%", name, "%t, %p, %j, %o and %%")
        }
    }

    private static func escaped(_ name: Unicode.Scalar?) throws(FormatError) -> UInt8 {
        switch name {
        case "n": return UInt8(ascii: "\n")
        case "t": return UInt8(ascii: "\t")
        case "r": return UInt8(ascii: "\r")
        case "0": return 0
        case "\\": return UInt8(ascii: "\\")
        case let name: throw FormatError("\\", name, "\\n, \\t, \\r, \\0 and \\\\")
        }
    }

    /// Appends `message` and a newline.
    func append(_ message: Message, to target: inout [UInt8]) {
        for piece in self.pieces {
            switch piece {
            case .text(let text): target += text
            case .topic: target += message.topic.bytes
            case .payload: PayloadText.append(message.data, to: &target)
            case .json: target += message.data
            case .offset: target += String(message.offset).utf8
            }
        }
        target.append(UInt8(ascii: "\n"))
    }
}

/// A format holds something that means nothing.
struct FormatError: Error, Hashable, CustomStringConvertible {
    var description: String

    init(_ mark: String, _ name: Unicode.Scalar?, _ known: String) {
        let found = name.map { "'\(mark)\($0)' means nothing" } ?? "'\(mark)' stands at the end"
        self.description = "\(found); there are \(known)"
    }
}
