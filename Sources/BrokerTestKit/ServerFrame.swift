/// One text frame of the broker, with its top-level fields taken apart.
package struct ServerFrame: Hashable, Sendable {
    package let text: String
    /// Each field's value as it was written.
    private let fields: [String: String]

    package init(_ payload: [UInt8]) {
        self.text = String(decoding: payload, as: UTF8.self)
        self.fields = Self.fields(of: payload)
    }

    /// A field's value as it was written, quotes included.
    package subscript(_ name: String) -> String? { self.fields[name] }

    /// A field that is a string, without its quotes; escapes stay as they are.
    package func string(_ name: String) -> String? {
        guard let token = self.fields[name], token.first == "\"" else { return nil }
        return String(token.dropFirst().dropLast())
    }

    package func integer(_ name: String) -> Int? { self.fields[name].flatMap { Int($0) } }

    package var operation: String { self.string("op") ?? "" }
    package var topic: String { self.string("topic") ?? "" }
    package var code: Int { self.integer("code") ?? 0 }
    package var offset: Int? { self.integer("offset") }

    /// Splits an object at its top-level commas and colons; anything else has no fields.
    private static func fields(of payload: [UInt8]) -> [String: String] {
        guard payload.first == UInt8(ascii: "{") else { return [:] }
        var fields: [String: String] = [:]
        var name = ""
        var start = 1
        var depth = 0
        var isString = false
        var index = 1
        while index < payload.count {
            let byte = payload[index]
            if isString {
                if byte == UInt8(ascii: "\\") { index += 1 }
                isString = byte != UInt8(ascii: "\"")
            } else if byte == UInt8(ascii: "\"") {
                isString = true
            } else if depth == 0, byte == UInt8(ascii: ":") {
                name = String(decoding: payload[start + 1..<index - 1], as: UTF8.self)
                start = index + 1
            } else if depth == 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") {
                fields[name] = String(decoding: payload[start..<index], as: UTF8.self)
                start = index + 1
            } else if byte == UInt8(ascii: "{") || byte == UInt8(ascii: "[") {
                depth += 1
            } else if byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]") {
                depth -= 1
            }
            index += 1
        }
        return fields
    }
}

extension ServerFrame: CustomStringConvertible {
    package var description: String { self.text }
}
