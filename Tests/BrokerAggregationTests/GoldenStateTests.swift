import BrokerAggregation
import BrokerWire
import Foundation
import Testing

/// Stored states of released formats, kept as they were written: what today's code can not read, or writes otherwise,
/// would be a store that the next version does not understand.
///
/// A format that changes on purpose gets another `stateVersion`, and a line of its own beside the old one.
@Suite("Golden states") struct GoldenStateTests {
    private struct Case: CustomStringConvertible {
        var name: String
        var factory: AggregatorRegistry.Factory
        var description: String { self.name }
    }

    private static func plain(_ name: String, _ parameters: String = "{}") throws -> Case {
        let context = AggregationContext()
        let factory = try AggregatorRegistry.builtIn.factory(
            name: name,
            parameters: Array(parameters.utf8),
            context: context
        )
        return Case(name: parameters == "{}" ? name : "\(name) \(parameters)", factory: factory)
    }

    private static func cases() throws -> [Case] {
        let sum = try Self.plain("sum").factory
        let keyed = AggregatorRegistry.Factory(
            keyed: .init(perKey: try Self.plain("last").factory, across: sum, number: .decimal, keysMax: 10)
        )
        let window = try AggregatorRegistry.Factory(
            windowed: .init(inner: sum, shape: .sliding(size: 60_000, resolution: 1000))
        )
        return try [
            Self.plain("count"), Self.plain("sum"), Self.plain("avg"), Self.plain("min"), Self.plain("max"),
            Self.plain("max", #"{"who":true}"#), Self.plain("first"), Self.plain("last"), Self.plain("range"),
            Self.plain("variance", #"{"kind":"population"}"#), Self.plain("stddev", #"{"kind":"sample"}"#),
            Self.plain("stats"),
            Self.plain("histogram", #"{"bounds":[1,10,100]}"#), Self.plain("quantile"), Self.plain("distinct"),
            Self.plain("topk"), Case(name: "last perKey sum", factory: keyed),
            Case(name: "sum sliding", factory: window),
        ]
    }

    /// Numbers with decimals, negative ones, and labels that come again.
    private static let samples: [Sample] = (0..<20).map { index in
        let quarters = Int128(index * 7919 % 401) - 100
        let time = UInt64(1_795_460_000_000) + UInt64(index) * 100
        return Sample(
            number: ExactDecimal(units: quarters * 250_000_000_000_000_000, scale: 18),
            timestamp: time,
            time: time,
            offset: UInt64(index + 1),
            label: Array("machine-\(index % 7)".utf8)
        )
    }

    /// One line for each: the name, the version, the bytes, the value.
    private static func line(_ name: String, _ accumulator: any Accumulator) throws -> String {
        var value: [UInt8] = []
        accumulator.value.writeJSON(to: &value)
        let hex = try accumulator.encoded().map { byte -> String in
            let text = String(byte, radix: 16)
            return text.count == 1 ? "0" + text : text
        }
        let version = accumulator.descriptor.stateVersion
        return "\(name)\t\(version)\t\(hex.joined())\t\(String(decoding: value, as: UTF8.self))"
    }

    private static func golden() throws -> [[String]] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Reference/golden-states.tsv")
        return try String(contentsOf: file, encoding: .utf8).split(separator: "\n").map { line in
            line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func everyStateIsWrittenAsItWas() throws {
        let golden = try Self.golden().map { $0.joined(separator: "\t") }
        for kind in try Self.cases() {
            let accumulator = kind.factory.makeAccumulator()
            for sample in Self.samples { try accumulator.add(sample) }
            let line = try Self.line(kind.name, accumulator)
            #expect(golden.contains(line), "not in golden-states.tsv: \(line)")
        }
    }

    @Test func everyStateThatWasWrittenIsRead() throws {
        let cases = try Self.cases()
        let golden = try Self.golden()
        #expect(golden.count >= cases.count)
        for fields in golden {
            try #require(fields.count == 4)
            let kind = try #require(cases.first { $0.name == fields[0] }, "\(fields[0]) is no case any more")
            let accumulator = kind.factory.makeAccumulator()
            let digits = Array(fields[2])
            let bytes = stride(from: 0, to: digits.count, by: 2).compactMap {
                UInt8(String(digits[$0...$0 + 1]), radix: 16)
            }
            try accumulator.restore(bytes, version: try #require(Int(fields[1])))
            var value: [UInt8] = []
            accumulator.value.writeJSON(to: &value)
            #expect(String(decoding: value, as: UTF8.self) == fields[3], "\(fields[0])")
        }
    }
}
