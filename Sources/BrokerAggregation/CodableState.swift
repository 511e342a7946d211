import BrokerWire
// FoundationEssentials for its JSON coder: only states without a compact form and parameters of rules go through it.
import FoundationEssentials

extension Aggregator {
    public func encode(_ state: State, into bytes: inout [UInt8]) throws(AggregatorError) {
        do {
            bytes.append(contentsOf: try JSONEncoder().encode(state))
        } catch {
            throw .stateCorrupt("\(error)")
        }
    }

    public func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State {
        guard version == Self.descriptor.stateVersion else {
            throw .stateVersion(found: version, supported: Self.descriptor.stateVersion)
        }
        do {
            return try JSONDecoder().decode(State.self, from: Data(bytes))
        } catch {
            throw .stateCorrupt("\(error)")
        }
    }

    /// Reads the parameters of a rule and makes the aggregator that they ask for.
    static func make(parameters: [UInt8], number: NumberFormat) throws(AggregatorError) -> Self {
        let configuration: Configuration
        do {
            configuration = try JSONDecoder().decode(Configuration.self, from: Data(parameters))
        } catch let DecodingError.keyNotFound(key, _) {
            throw .configuration(path: key.stringValue, reason: "is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context) {
            let path = context.codingPath.map(\.stringValue).joined(separator: ".")
            throw .configuration(path: path, reason: context.debugDescription)
        } catch {
            throw .configuration(path: "", reason: "the parameters are not readable: \(error)")
        }
        return try Self(configuration: configuration, number: number)
    }
}

/// The configuration of an aggregator without parameters.
public struct NoParameters: Codable, Hashable, Sendable {
    public init() {}

    /// Refuses parameters, so that a misplaced one is not silently ignored.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: AnyKey.self)
        guard let key = container.allKeys.first else { return }
        throw DecodingError.typeMismatch(
            Self.self,
            DecodingError.Context(codingPath: [key], debugDescription: "this aggregator has no such parameter")
        )
    }

    private struct AnyKey: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }
}
