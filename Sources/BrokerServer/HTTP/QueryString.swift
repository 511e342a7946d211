/// The part of a request's target behind the question mark.
///
/// A plus sign is a plus sign, as RFC 3986 has it: `filter=clicks/+` means what it says. No topic has a blank in it.
struct QueryString {
    private var fields: [(name: [UInt8], value: [UInt8])] = []

    init(_ text: String?) {
        for field in (text ?? "").utf8.split(separator: UInt8(ascii: "&")) {
            let parts = field.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = PercentEncoding.decode(parts[0]) else { continue }
            // A value that is encoded wrongly is taken as it stands, and refused for what it then is.
            let value = parts.count > 1 ? parts[1] : parts[0][parts[0].endIndex...]
            self.fields.append((name, PercentEncoding.decode(value) ?? Array(value)))
        }
    }

    /// The value of the first field of this name; empty where there is only the name.
    subscript(_ name: String) -> [UInt8]? {
        self.fields.first { $0.name.elementsEqual(name.utf8) }?.value
    }

    /// A name that stands twice, if one does: two programs that disagree about which of them counts are a way past a
    /// check.
    var repeated: String? {
        var seen: Set<[UInt8]> = []
        return self.fields.first { !seen.insert($0.name).inserted }.map { String(decoding: $0.name, as: UTF8.self) }
    }

    func text(_ name: String) -> String? { self[name].map { String(decoding: $0, as: UTF8.self) } }
}

/// `%2F` and its like.
enum PercentEncoding {
    /// The bytes that `text` stands for; `nil` if a percent sign is not followed by two hexadecimal digits.
    static func decode(_ text: some Sequence<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        var iterator = text.makeIterator()
        while let byte = iterator.next() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = iterator.next().flatMap(Self.digit), let low = iterator.next().flatMap(Self.digit) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    /// Everything but what RFC 3986 leaves alone is encoded.
    static func encode(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
