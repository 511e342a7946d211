import AggregatorTestKit
import BrokerWire

@testable import BrokerAggregation

extension Aggregator {
    /// The aggregator that a rule with these parameters asks for.
    static func rule(_ parameters: String = "{}", _ number: NumberFormat = .decimal) throws(AggregatorError) -> Self {
        try Self.make(parameters: Array(parameters.utf8), context: AggregationContext(number: number))
    }

    /// The most bytes that the state took during a million additions of `samples` over and over, asked now and then.
    func memoryAfterAMillion(_ samples: [Sample]) throws(AggregatorError) -> Int {
        var state = self.identity()
        var memory = 0
        var count = 0
        while count < 1_000_000 {
            for sample in samples { try self.add(sample, to: &state) }
            count += samples.count
            memory = max(memory, self.memory(of: state))
        }
        return memory
    }

    func bytes(of state: State) throws(AggregatorError) -> [UInt8] {
        var bytes: [UInt8] = []
        try self.encode(state, into: &bytes)
        return bytes
    }

    func stored(_ bytes: [UInt8]) throws(AggregatorError) -> State {
        try self.decode(bytes, version: Self.descriptor.stateVersion)
    }

    /// Damages the bytes of `state` in many ways. What is still accepted has to be a state that can be used, and the
    /// only one with these bytes; if one has others, they are returned.
    func bytesWithATwin(of state: State, _ sample: Sample, rounds: Int, seed: UInt64) throws -> [UInt8]? {
        var random = SeededGenerator(seed: seed)
        let valid = try self.bytes(of: state)
        for _ in 0..<rounds {
            var bytes = valid
            switch random.below(4) {
            case 0: bytes.removeLast(min(bytes.count, random.below(4) + 1))
            case 1: bytes += random.bytes(random.below(4) + 1)
            default:
                for _ in 0...random.below(3) {
                    let byte = random.pick([0, 1, 2, 0x7F, 0x80, 0xFF, UInt8(truncatingIfNeeded: random.next())])
                    bytes[random.below(bytes.count)] = byte
                }
            }
            guard var state = try? self.stored(bytes) else { continue }
            guard try self.bytes(of: state) == bytes else { return bytes }
            _ = self.value(of: state)
            _ = self.memory(of: state)
            let other = state
            try? self.merge(other, into: &state)
            try? self.add(sample, to: &state)
            _ = self.value(of: state)
        }
        return nil
    }
}

extension Sample {
    init(_ text: String, _ number: NumberFormat = .decimal) throws {
        self.init(number: try ExactDecimal(text, as: number))
    }

    init(label: String, weight: Int128 = 0, scale: Int = 0) {
        self.init(number: ExactDecimal(units: weight, scale: scale), label: Array(label.utf8))
    }
}
