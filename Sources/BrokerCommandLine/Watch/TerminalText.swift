/// Text as a terminal shows it: how wide it is, and with nothing in it that the terminal would obey.
enum TerminalText {
    /// `text` with a dot for everything that is no character to be seen.
    ///
    /// A value comes from whoever may publish, and must not move the cursor or worse.
    static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: Self.isControl) else { return text }
        var plain = String.UnicodeScalarView()
        for scalar in text.unicodeScalars { plain.append(Self.isControl(scalar) ? "·" : scalar) }
        return String(plain)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: true
        default: false
        }
    }

    /// The last line of what would have been printed.
    static func lastLine(of text: String) -> String { Self.plain(String(text.split(separator: "\n").last ?? "")) }

    /// `text` in exactly so many columns: cut with an ellipsis, or filled up with blanks.
    static func fit(_ text: String, _ columns: Int, alignsRight: Bool = false) -> String {
        guard columns > 0 else { return "" }
        let width = self.width(text)
        if width <= columns {
            let blanks = String(repeating: " ", count: columns - width)
            return alignsRight ? blanks + text : text + blanks
        }
        var cut = ""
        var used = 0
        for character in text {
            let next = self.width(String(character))
            guard used + next < columns else { break }
            cut.append(character)
            used += next
        }
        return cut + "…" + String(repeating: " ", count: columns - used - 1)
    }

    /// How many columns `text` takes: two for the characters of East Asia and for pictures, one for others.
    static func width(_ text: String) -> Int {
        text.reduce(0) { sum, character in
            guard let first = character.unicodeScalars.first else { return sum }
            return sum + (Self.isWide(first.value) ? 2 : 1)
        }
    }

    private static func isWide(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
            0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x1F300...0x1F64F, 0x1F900...0x1F9FF, 0x20000...0x3FFFD:
            true
        default:
            false
        }
    }
}
