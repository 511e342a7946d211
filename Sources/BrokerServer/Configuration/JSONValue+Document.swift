import BrokerWire
// FoundationEssentials for JSON.
import FoundationEssentials

/// A whole file of JSON.
extension JSONValue {
    /// Reads a whole document, or says why it is none.
    init(document bytes: [UInt8], named name: String) throws(ConfigurationError) {
        let text: String
        if bytes.allSatisfy({ $0 == 0x20 || (0x09...0x0d).contains($0) }) {
            text = "is empty"
        } else {
            do {
                self = try JSONDecoder().decode(JSONValue.self, from: Data(bytes))
                guard let key = RepeatedKey.first(in: bytes) else { return }
                text = "the key '\(key)' stands twice in one object; leave one of the two out"
            } catch {
                let place = Self.placeOfMistake(in: bytes).map { "the mistake is at \($0)" }
                text = "is not JSON: \(place ?? Self.explanation(of: error))"
            }
        }
        throw ConfigurationError(problems: [ConfigurationProblem(path: name, text: text)])
    }

    /// Where the first mistake is, for people; `nil` if the grammar has none. What stands there might be a secret.
    private static func placeOfMistake(in bytes: [UInt8]) -> String? {
        bytes.withUnsafeBytes { bytes in
            // Some editors write a mark in front, which the decoder takes.
            let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
            let text = UnsafeRawBufferPointer(rebasing: bytes.starts(with: mark) ? bytes[mark.count...] : bytes[...])
            var json = JSONSkipper(text, depthMax: .max)
            do throws(JSONSkipper.Problem) {
                json.skipBlank()
                try json.skipValue()
                json.skipBlank()
                guard !json.isAtEnd else { return nil }
            } catch .tooDeep {
                return nil
            } catch {}
            let before = text[..<min(json.index, text.count)]
            let line = before.count { $0 == UInt8(ascii: "\n") } + 1
            let start = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
            let column = String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1
            return "line \(line), column \(column)"
        }
    }

    private static func explanation(of error: any Error) -> String {
        guard case DecodingError.dataCorrupted(let context) = error else { return "\(error)" }
        return context.underlyingError.map { "\($0)" } ?? context.debugDescription
    }
}
