import BrokerCore

/// What somebody may be called.
///
/// A name stands in log lines, in the store beside producers, and in the topics of rules, and it must not be one that
/// the broker gives itself.
enum IdentityName {
    static let form = "1 to \(Identity.nameBytesMax) of the characters A-Z a-z 0-9 _ . : @ -"

    /// What is wrong with a name that somebody writes down here, or `nil`.
    static func problem(_ name: String) -> String? {
        guard Self.isPlain(name) else { return "has to be \(Self.form)" }
        return Identity.reservedNames.contains(name) ? Self.reserved(name) : nil
    }

    /// What is wrong with a name that somebody else gives, such as an issuer of tokens, or `nil`. It may have spaces,
    /// slashes and any script, but nothing that moves a cursor or ends a line.
    static func problem(ofForeign name: String) -> String? {
        if name.isEmpty { return "is empty" }
        if name.utf8.count > Identity.nameBytesMax { return "has more than \(Identity.nameBytesMax) bytes" }
        if Self.hasControls(name) { return "has control characters" }
        return Identity.reservedNames.contains(name) ? Self.reserved(name) : nil
    }

    /// Whether it is one of ours, reserved or not.
    static func isPlain(_ name: String) -> Bool {
        (1...Identity.nameBytesMax).contains(name.utf8.count) && name.utf8.allSatisfy(Self.isPlain)
    }

    static func hasControls(_ name: String) -> Bool { name.unicodeScalars.contains(where: Self.isControl) }

    private static func reserved(_ name: String) -> String { "can not be '\(name)', which the broker uses itself" }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: ":"),
            UInt8(ascii: "@"), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    /// Line breaks, escapes, and what turns the direction of writing around.
    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
