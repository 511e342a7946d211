import AggregatorTestKit
import BrokerAggregation
import BrokerWire
import MyAggregators
import Testing

@Suite struct GeometricMeanTests {
    private let mean = GeometricMean(configuration: NoParameters(), context: AggregationContext())

    private func sample(_ number: Int, offset: UInt64 = 1) -> Sample {
        Sample(number: ExactDecimal(units: Int128(number) * 1_000_000_000_000_000_000, scale: 18), offset: offset)
    }

    @Test func itKeepsTheLaws() throws {
        // Logarithms are added in another order when states are merged, so the last digits may differ.
        let laws = AggregatorLaws(self.mean) { left, right in
            left.count == right.count && abs(left.logarithms - right.logarithms) <= 1e-9 * max(1, abs(left.logarithms))
        }
        let samples = (1...60).map { self.sample($0, offset: UInt64($0)) }
        #expect(try laws.brokenLaw(samples, cuts: (20, 45)) == nil)
    }

    @Test func twoAndEightHaveFourBetweenThem() throws {
        let state = try AggregatorLaws(self.mean).fold([self.sample(2), self.sample(8)])
        guard case .object(let fields, _) = self.mean.value(of: state), case .double(let value)? = fields.first?.value
        else {
            Issue.record("no value")
            return
        }
        #expect(abs(value - 4) < 1e-12)
    }

    @Test func whatIsNotPositiveIsRefused() {
        #expect(throws: AggregatorError.self) { try AggregatorLaws(self.mean).fold([self.sample(0)]) }
    }
}
