import BrokerWire

/// Bounds of which each is the same factor above the one before.
struct ExponentialBounds: Decodable, Hashable, Sendable {
    private var start: DecimalParameter?
    private var factor: DecimalParameter?
    private var count: Int?

    private enum Names: CodingKey, CaseIterable {
        case start
        case factor
        case count
    }

    init(from decoder: any Decoder) throws {
        let parameters = try decoder.parameters(Names.self)
        self.start = try parameters.decodeIfPresent(DecimalParameter.self, forKey: .start)
        self.factor = try parameters.decodeIfPresent(DecimalParameter.self, forKey: .factor)
        self.count = try parameters.whole(.count)
    }

    /// The bounds in units of `number`. In a topic of decimals each is rounded half to even; in one of whole numbers
    /// nothing ever has to be.
    func units(_ number: NumberFormat) throws(AggregatorError) -> [Int128] {
        let start = try Self.given(self.start, "start").exact(number, path: "exponential.start").units
        let factor = try Self.given(self.factor, "factor").exact(number, path: "exponential.factor")
        let count = try Self.given(self.count, "count")
        guard start > 0 else { throw Self.refusal("start", "has to be above 0") }
        let one = Self.one(factor.scale)
        guard factor.units > one else { throw Self.refusal("factor", "has to be above 1") }
        let most = HistogramAggregator.boundsMax
        guard (1...most).contains(count) else { throw Self.refusal("count", "has to be within 1...\(most)") }
        var units = [start]
        while units.count < count {
            let last = units[units.count - 1]
            guard let next = Self.product(last.magnitude, factor.units.magnitude, dividedBy: one.magnitude) else {
                throw Self.refusal("count", "the last bounds would be above every number")
            }
            guard next > last else { throw Self.refusal("factor", "is too small to tell these bounds apart") }
            units.append(next)
        }
        return units
    }

    private static func given<Value>(_ value: Value?, _ name: String) throws(AggregatorError) -> Value {
        guard let value else { throw Self.refusal(name, "is missing") }
        return value
    }

    private static func refusal(_ name: String, _ reason: String) -> AggregatorError {
        .configuration(path: "exponential.\(name)", reason: reason)
    }

    private static func one(_ scale: Int) -> Int128 { (0..<scale).reduce(1) { power, _ in power * 10 } }

    /// `left * right / divisor`, rounded half to even, if it fits.
    private static func product(_ left: UInt128, _ right: UInt128, dividedBy divisor: UInt128) -> Int128? {
        let product = left.multipliedFullWidth(by: right)
        guard product.high < divisor else { return nil }
        let (quotient, rest) = divisor.dividingFullWidth(product)
        let half = divisor - rest
        let isUp = rest > half || (rest == half && quotient & 1 == 1)
        guard quotient < UInt128(Int128.max) else { return nil }
        return Int128(quotient) + (isUp ? 1 : 0)
    }
}
