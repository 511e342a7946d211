/// Corner cases of the JSON grammar, as tables.
///
/// Most are those of JSONTestSuite (https://github.com/nst/JSONTestSuite, MIT License, Copyright (c) 2016 Nicolas
/// Seriot), under the names of its files: what begins with `y_` must be accepted, with `n_` refused, and of what
/// begins with `i_` RFC 8259 leaves the verdict open.
enum JSONGrammar {}

/// One text, and what the suite calls it.
struct JSONGrammarCase: Sendable {
    var name: String
    var bytes: [UInt8]
    /// Whether the byte that is wrong in the text alone is right inside of an envelope: a comma or a closing brace
    /// behind a complete value is the envelope's own, and what is wrong comes later or not at all.
    var onlyAlone = false

    init(_ name: String, _ text: String, onlyAlone: Bool = false) {
        self.name = name
        self.bytes = Array(text.utf8)
        self.onlyAlone = onlyAlone
    }

    /// For what is not UTF-8 or can not be seen: two digits a byte, with spaces between.
    init(_ name: String, hex: String) {
        self.name = name
        self.bytes = hex.split(separator: " ").map { UInt8($0, radix: 16) ?? 0 }
    }

    init(_ name: String, repeating text: String, count: Int, then end: String = "") {
        self.init(name, String(repeating: text, count: count) + end)
    }

    /// The text without the blanks around it.
    var value: [UInt8] {
        let back = Array(self.bytes.drop(while: Self.isBlank).reversed())
        return back.drop(while: Self.isBlank).reversed()
    }

    static func isBlank(_ byte: UInt8) -> Bool { [0x20, 0x09, 0x0A, 0x0D].contains(byte) }
}

extension JSONGrammarCase: CustomStringConvertible {
    var description: String { self.name }
}
