import BrokerWire
// FoundationEssentials for the one number that its JSON coder reads without going through a double.
import FoundationEssentials

/// A number among the parameters of a rule, digit by digit as it was written.
struct DecimalParameter: Decodable, Hashable, Sendable {
    /// A JSON number.
    private let text: String

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        do {
            self.text = try container.decode(Decimal.self).description
        } catch {
            throw DecodingError.typeMismatch(
                Decimal.self,
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: "has to be a number")
            )
        }
    }

    /// The number, if it is a whole one of a usual size.
    var whole: Int? { Int(self.text) }

    /// The number in `format`, which has to hold it exactly.
    func exact(_ format: NumberFormat, path: String) throws(AggregatorError) -> ExactDecimal {
        do throws(NumberError) {
            return try ExactDecimal(self.text, as: format, strict: true)
        } catch {
            let rule =
                switch format {
                case .int: "a whole number, as those of the topic are"
                case .decimal: "a number of at most 18 decimals and up to 1.7e20"
                }
            throw .configuration(path: path, reason: "has to be \(rule)")
        }
    }
}

extension KeyedDecodingContainer {
    /// A whole number, if it is given. The JSON coder's own reading does not say where one is that does not fit.
    func whole(_ key: Key) throws -> Int? {
        guard let number = try self.decodeIfPresent(DecimalParameter.self, forKey: key) else { return nil }
        guard let whole = number.whole else {
            throw DecodingError.dataCorruptedError(forKey: key, in: self, debugDescription: "has to be a whole number")
        }
        return whole
    }
}
