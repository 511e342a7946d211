/// Names a place inside a JSON value (RFC 6901): `/machine/power`, `/readings/0`, or nothing for the whole value.
package struct JSONPointer: Hashable, Sendable {
    private let text: String
    /// The names on the way, as UTF-8, without the pointer's own escapes.
    private let names: [[UInt8]]

    /// The most names of a pointer; deeper than any value may be makes no sense.
    package static let namesMax = WireLimits.jsonDepthCeiling

    /// The whole value.
    package static let whole = Self(text: "", names: [])

    /// The member called `name` of an object.
    package static func member(_ name: String) -> Self {
        let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
        return Self(text: "/" + escaped, names: [Array(name.utf8)])
    }

    private init(text: String, names: [[UInt8]]) {
        self.text = text
        self.names = names
    }

    /// Reads `text`, or returns `nil` if it is no pointer.
    package init?(_ text: String) {
        guard text.isEmpty || text.utf8.first == UInt8(ascii: "/") else { return nil }
        var names: [[UInt8]] = []
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst() {
            guard let name = Self.unescaped(part) else { return nil }
            names.append(name)
        }
        guard names.count <= Self.namesMax else { return nil }
        self.init(text: text, names: names)
    }

    /// `~1` is a slash and `~0` a tilde; no other tilde may stand in a name.
    private static func unescaped(_ part: Substring.UTF8View.SubSequence) -> [UInt8]? {
        var name: [UInt8] = []
        var index = part.startIndex
        while index < part.endIndex {
            let byte = part[index]
            index = part.index(after: index)
            guard byte == UInt8(ascii: "~") else {
                name.append(byte)
                continue
            }
            guard index < part.endIndex else { return nil }
            switch part[index] {
            case UInt8(ascii: "0"): name.append(UInt8(ascii: "~"))
            case UInt8(ascii: "1"): name.append(UInt8(ascii: "/"))
            default: return nil
            }
            index = part.index(after: index)
        }
        return name
    }

    /// The value at this place of `json`, which must be one well-formed value, or `nil` if there is none.
    package func find(in json: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        var skipper = JSONSkipper(json, depthMax: WireLimits.jsonDepthCeiling)
        do throws(JSONSkipper.Problem) {
            skipper.skipBlank()
            for name in self.names {
                let isThere =
                    switch skipper.current {
                    case UInt8(ascii: "{"): try Self.enterMember(name, &skipper)
                    case UInt8(ascii: "["): try Self.enterElement(name, &skipper)
                    default: false
                    }
                guard isThere else { return nil }
            }
            let start = skipper.index
            try skipper.skipValue()
            return UnsafeRawBufferPointer(rebasing: json[start..<skipper.index])
        } catch {
            return nil
        }
    }

    /// Moves to the value of the member called `name`.
    private static func enterMember(
        _ name: [UInt8],
        _ json: inout JSONSkipper
    ) throws(JSONSkipper.Problem) -> Bool {
        json.index += 1
        json.skipBlank()
        while json.current == UInt8(ascii: "\"") {
            let start = json.index + 1
            let hasEscape = try json.skipString()
            let found = UnsafeRawBufferPointer(start: json.base + start, count: json.index - 1 - start)
            json.skipBlank()
            json.index += 1
            json.skipBlank()
            if hasEscape ? Self.isEscaped(name, found) : found.elementsEqual(name) { return true }
            try json.skipValue()
            json.skipBlank()
            guard json.current == UInt8(ascii: ",") else { return false }
            json.index += 1
            json.skipBlank()
        }
        return false
    }

    private static func isEscaped(_ name: [UInt8], _ found: UnsafeRawBufferPointer) -> Bool {
        var copy = Array(found)
        let count = copy.withUnsafeMutableBytes { JSONString.unescape($0) }
        return copy.prefix(count).elementsEqual(name)
    }

    /// Moves to the element whose number is `name`: digits without a zero in front.
    private static func enterElement(
        _ name: [UInt8],
        _ json: inout JSONSkipper
    ) throws(JSONSkipper.Problem) -> Bool {
        guard let number = Self.number(name) else { return false }
        json.index += 1
        json.skipBlank()
        guard json.current != UInt8(ascii: "]") else { return false }
        for _ in 0..<number {
            try json.skipValue()
            json.skipBlank()
            guard json.current == UInt8(ascii: ",") else { return false }
            json.index += 1
            json.skipBlank()
        }
        return true
    }

    private static func number(_ name: [UInt8]) -> Int? {
        let isPlain = name.count == 1 || name.first != UInt8(ascii: "0")
        guard (1...9).contains(name.count), isPlain, name.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        return name.reduce(0) { $0 * 10 + Int($1 - UInt8(ascii: "0")) }
    }
}

extension JSONPointer: CustomStringConvertible {
    package var description: String { self.text }
}
