import BrokerWire

/// A key that stands twice in one object of a document, of which readers of JSON take one or the other.
///
/// In a configuration that is a trap: whoever adds a second `auth` below would believe that it counts.
enum RepeatedKey {
    /// The first such key; `nil` if there is none.
    ///
    /// - `document`: Well-formed JSON.
    static func first(in document: [UInt8]) -> String? {
        document.withUnsafeBytes { bytes in
            var json = JSONSkipper(bytes)
            // The keys of every object that is open; of a list, none.
            var open: [Set<String>?] = []
            var expectsKey = false
            while !json.isAtEnd {
                json.skipBlank()
                switch json.current {
                case UInt8(ascii: "{"):
                    open.append([])
                    expectsKey = true
                    json.index += 1
                case UInt8(ascii: "["):
                    open.append(nil)
                    expectsKey = false
                    json.index += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    _ = open.popLast()
                    json.index += 1
                case UInt8(ascii: ","):
                    // A comma in an object is before a key.
                    expectsKey = open.last.map { $0 != nil } ?? false
                    json.index += 1
                case UInt8(ascii: "\""):
                    let start = json.index + 1
                    guard (try? json.skipString()) != nil else { return nil }
                    guard expectsKey, let last = open.indices.last else { continue }
                    expectsKey = false
                    let key = Self.text(UnsafeRawBufferPointer(rebasing: bytes[start..<json.index - 1]))
                    if open[last]?.insert(key).inserted == false { return key }
                default:
                    json.index += 1
                }
            }
            return nil
        }
    }

    private static func text(_ inside: UnsafeRawBufferPointer) -> String {
        var bytes = Array(inside)
        let count = bytes.withUnsafeMutableBytes { JSONString.unescape($0) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}
