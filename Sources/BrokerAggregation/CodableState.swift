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
    static func make(parameters: [UInt8], context: AggregationContext) throws(AggregatorError) -> Self {
        let configuration: Configuration
        do {
            configuration = try JSONDecoder().decode(Configuration.self, from: Data(parameters))
        } catch let DecodingError.keyNotFound(key, _) {
            throw .configuration(path: key.stringValue, reason: "is missing")
        } catch let DecodingError.typeMismatch(_, context), let DecodingError.valueNotFound(_, context),
            let DecodingError.dataCorrupted(context) where !context.codingPath.isEmpty
        {
            let path = context.codingPath.map { $0.intValue.map(String.init) ?? $0.stringValue }.joined(separator: ".")
            throw .configuration(path: path, reason: context.debugDescription)
        } catch {
            throw .configuration(path: "", reason: "the parameters are not readable: \(error)")
        }
        return try Self(configuration: configuration, context: context)
    }
}

/// The configuration of an aggregator without parameters.
public struct NoParameters: Codable, Hashable, Sendable {
    public init() {}

    /// Refuses parameters, so that a misplaced one is not silently ignored.
    public init(from decoder: any Decoder) throws { _ = try decoder.parameters(Names.self) }

    private enum Names: CodingKey, CaseIterable {}
}

extension Decoder {
    /// The parameters of a rule. One that is not among `names` is refused, so that a misspelt one is not silently
    /// ignored.
    func parameters<Names: CodingKey & CaseIterable>(_ names: Names.Type) throws -> KeyedDecodingContainer<Names> {
        let known = Set(Names.allCases.map(\.stringValue))
        if let key = try self.container(keyedBy: AnyKey.self).allKeys.first(where: { !known.contains($0.stringValue) })
        {
            throw DecodingError.typeMismatch(
                Names.self,
                DecodingError.Context(
                    codingPath: self.codingPath + [key],
                    debugDescription: "this aggregator has no such parameter"
                )
            )
        }
        return try self.container(keyedBy: Names.self)
    }
}

private struct AnyKey: CodingKey {
    var stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}
