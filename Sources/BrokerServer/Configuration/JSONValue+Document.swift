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
                text = "is not JSON: \(Self.explanation(of: error))"
            }
        }
        throw ConfigurationError(problems: [ConfigurationProblem(path: name, text: text)])
    }

    private static func explanation(of error: any Error) -> String {
        guard case DecodingError.dataCorrupted(let context) = error else { return "\(error)" }
        return context.underlyingError.map { "\($0)" } ?? context.debugDescription
    }
}
