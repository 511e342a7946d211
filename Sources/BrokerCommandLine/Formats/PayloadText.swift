import BrokerClient
import BrokerWire

/// A JSON value as `mosquitto_sub` would print it.
enum PayloadText {
    /// Appends a string without its quotes and escapes, and anything else as its JSON text.
    static func append(_ json: [UInt8], to target: inout [UInt8]) {
        guard json.count >= 2, json.first == UInt8(ascii: "\""), json.last == UInt8(ascii: "\"") else {
            target += json
            return
        }
        let start = target.count
        target += json[1..<(json.count - 1)]
        let end = target.withUnsafeMutableBytes { bytes in
            start + JSONString.unescape(UnsafeMutableRawBufferPointer(rebasing: bytes[start...]))
        }
        target.removeLast(target.count - end)
    }

    /// What a person typed, as JSON: as it is where it is JSON, and as a JSON string where it is not.
    ///
    /// Throws where it can be neither.
    static func json(of text: ArraySlice<UInt8>) throws(PayloadError) -> ArraySlice<UInt8> {
        switch text.withUnsafeBytes({ JSONCheck.problem(in: $0) }) {
        case nil:
            return text
        case .syntax:
            var json: [UInt8] = [UInt8(ascii: "\"")]
            json.reserveCapacity(text.count + 2)
            JSONString.appendEscaped(text, to: &json)
            json.append(UInt8(ascii: "\""))
            return json[...]
        case .some(let problem):
            throw PayloadError(reason: "\(problem)")
        }
    }
}

/// Some text can not be published, neither as JSON nor as a JSON string.
struct PayloadError: Error, Hashable, CustomStringConvertible {
    var reason: String
    var description: String { self.reason }
}
