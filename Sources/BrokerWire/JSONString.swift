/// The text of a JSON string.
package enum JSONString {
    /// Turns the inside of a JSON string, which must be well formed, into its UTF-8, in place.
    ///
    /// Every escape is longer than what it stands for, so the text never outgrows its place.
    ///
    /// - Returns: How many bytes the text takes now.
    package static func unescape(_ text: UnsafeMutableRawBufferPointer) -> Int {
        var read = 0
        var write = 0
        while read < text.count {
            let byte = text[read]
            guard byte == UInt8(ascii: "\\") else {
                text[write] = byte
                read += 1
                write += 1
                continue
            }
            switch text[read + 1] {
            case UInt8(ascii: "b"): text[write] = 0x08
            case UInt8(ascii: "f"): text[write] = 0x0C
            case UInt8(ascii: "n"): text[write] = 0x0A
            case UInt8(ascii: "r"): text[write] = 0x0D
            case UInt8(ascii: "t"): text[write] = 0x09
            case UInt8(ascii: "u"):
                var scalar = Self.unit(text, at: read + 2)
                read += 6
                if scalar & 0xF800 == 0xD800 {
                    scalar = 0x10000 + (scalar & 0x3FF) << 10 + (Self.unit(text, at: read + 2) & 0x3FF)
                    read += 6
                }
                write += Self.encode(scalar, to: text, at: write)
                continue
            case let plain: text[write] = plain
            }
            read += 2
            write += 1
        }
        return write
    }

    private static func unit(_ text: UnsafeMutableRawBufferPointer, at start: Int) -> UInt32 {
        (start..<start + 4).reduce(0) { $0 << 4 | UInt32(HexDigit.value(text[$1]) ?? 0) }
    }

    private static func encode(_ scalar: UInt32, to text: UnsafeMutableRawBufferPointer, at index: Int) -> Int {
        guard let unicode = Unicode.Scalar(scalar), let bytes = UTF8.encode(unicode) else { return 0 }
        var count = 0
        for byte in bytes {
            text[index + count] = byte
            count += 1
        }
        return count
    }

    /// Appends `text` as the inside of a JSON string: quotes, backslashes and control characters are escaped.
    package static func appendEscaped(_ text: some Sequence<UInt8>, to target: inout [UInt8]) {
        for byte in text {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                target.append(UInt8(ascii: "\\"))
                target.append(byte)
            case 0x0A:
                target.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case 0..<0x20, 0x7F:
                target.append(contentsOf: "\\u00".utf8)
                target.append(Self.hex(byte >> 4))
                target.append(Self.hex(byte & 15))
            default:
                target.append(byte)
            }
        }
    }

    /// Appends `text` as a JSON string with its quotes.
    package static func append(_ text: String, to target: inout [UInt8]) {
        target.append(UInt8(ascii: "\""))
        Self.appendEscaped(text.utf8, to: &target)
        target.append(UInt8(ascii: "\""))
    }

    /// `text` as a JSON string with its quotes.
    package static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        self.append(text, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func hex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10
    }
}
