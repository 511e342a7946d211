/// Spreads JSON text over lines, two blanks for each level.
enum PrettyJSON {
    /// Appends `json`, which is one valid value.
    static func append(_ json: [UInt8], to target: inout [UInt8]) {
        var depth = 0
        var isInString = false
        var isEscaped = false
        var index = 0
        func newline(_ target: inout [UInt8]) {
            target.append(UInt8(ascii: "\n"))
            target += repeatElement(UInt8(ascii: " "), count: 2 * depth)
        }
        while index < json.count {
            let byte = json[index]
            index += 1
            if isInString {
                target.append(byte)
                isInString = isEscaped || byte != UInt8(ascii: "\"")
                isEscaped = !isEscaped && byte == UInt8(ascii: "\\")
                continue
            }
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D:
                break
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                target.append(byte)
                if let end = Self.emptyEnd(json, from: index) {
                    target.append(json[end])
                    index = end + 1
                } else {
                    depth += 1
                    newline(&target)
                }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                newline(&target)
                target.append(byte)
            case UInt8(ascii: ","):
                target.append(byte)
                newline(&target)
            case UInt8(ascii: ":"):
                target += ": ".utf8
            default:
                isInString = byte == UInt8(ascii: "\"")
                target.append(byte)
            }
        }
    }

    /// Where the container that was just opened ends, if nothing is in it.
    private static func emptyEnd(_ json: [UInt8], from start: Int) -> Int? {
        let next = json[start...].firstIndex { $0 != 0x20 && $0 != 0x09 && $0 != 0x0A && $0 != 0x0D }
        guard let next, json[next] == UInt8(ascii: "}") || json[next] == UInt8(ascii: "]") else { return nil }
        return next
    }
}
