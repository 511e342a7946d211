public import BrokerWire

/// How many numbers there were, their exact sum, and the sum of their squared distances from their mean: what mean and
/// variance are made of.
///
/// Only the squares are rounded. The distances that they are made of are taken from the exact mean, as decimals, and
/// made doubles after that: a large offset that all numbers share costs no digit, equal numbers have a variance of zero
/// and not of nearly zero, and merging `a` into `b` gives the same bits as merging `b` into `a`.
public struct Moments: Codable, Hashable, Sendable {
    public private(set) var count: Int64 = 0
    public private(set) var total: ExactDecimal
    public private(set) var squares: Double = 0

    init(_ format: NumberFormat) { self.total = .zero(format) }

    init(of number: ExactDecimal) {
        self.count = 1
        self.total = number
    }

    /// Takes over `other`, as Chan, Golub and LeVeque do; throws and changes nothing where there is no room for it.
    mutating func merge(_ other: Self) throws(AggregatorError) {
        guard other.count > 0 else { return }
        guard self.count > 0 else {
            self = other
            return
        }
        var sum = self
        try CountAggregator.increase(&sum.count, by: other.count)
        do { try sum.total.add(other.total) } catch { throw .overflow }
        let (mine, theirs) = (self.wholeAndFraction, other.wholeAndFraction)
        let distance = mine.whole.distance(above: theirs.whole) + (mine.fraction - theirs.fraction)
        let weight = Double(self.count) * Double(other.count) / Double(sum.count)
        sum.squares = self.squares + other.squares + distance * distance * weight
        guard sum.squares.isFinite else { throw .overflow }
        self = sum
    }

    /// The mean, exact where 18 decimals hold it; `nil` of nothing.
    var mean: ExactDecimal? { self.count > 0 ? self.total.divided(by: self.count) : nil }

    /// `nil` where there are too few numbers for one.
    func variance(_ kind: VarianceKind) -> Double? {
        let divisor = kind == .sample ? self.count - 1 : self.count
        return divisor > 0 ? self.squares / Double(divisor) : nil
    }

    /// The mean towards zero, to the decimals of the numbers, and what is left over.
    private var wholeAndFraction: (whole: ExactDecimal, fraction: Double) {
        guard self.count > 1 else { return (self.total, 0) }
        let divisor = self.count.magnitude
        let magnitude = self.total.units.magnitude
        // In machine words, for this is done for every sample: dividing 128 bits is slow.
        let (high, rest) = UInt64(magnitude >> 64).quotientAndRemainder(dividingBy: divisor)
        let (low, remainder) = divisor.dividingFullWidth((rest, UInt64(truncatingIfNeeded: magnitude)))
        // No larger than the total, which is no larger than the largest.
        let units = Int128(UInt128(high) << 64 | UInt128(low))
        let whole = ExactDecimal(units: self.total.units < 0 ? -units : units, scale: self.total.scale)
        let step = ExactDecimal(units: self.total.units < 0 ? -1 : 1, scale: self.total.scale).double
        return (whole, step * (Double(remainder) / Double(divisor)))
    }

    func write(to writer: inout StateWriter) {
        writer.write(self.count)
        writer.write(self.total)
        writer.write(self.squares)
    }

    init(from reader: inout StateReader, _ format: NumberFormat) throws(AggregatorError) {
        self.count = try reader.read(Int64.self)
        self.total = try reader.read(format)
        self.squares = try reader.read(Double.self)
        guard self.count >= 0, self.squares >= 0 else { throw .stateCorrupt("a count or a square below zero") }
        guard self.count > 0 || self.total.units == 0, self.count > 1 || self.squares == 0 else {
            throw .stateCorrupt("a sum of nothing that is not zero")
        }
    }
}

/// What the sum of the squares is divided by.
enum VarianceKind: String {
    /// By one less than there are numbers: what they tell of the many that they are a sample of.
    case sample
    /// By how many numbers there are: they are all there are.
    case population

    static let form = #""sample" (divides by n - 1) or "population" (by n)"#

    init(parameter: String?) throws(AggregatorError) {
        guard let parameter else { throw .configuration(path: "kind", reason: "is missing: \(Self.form)") }
        guard let kind = Self(rawValue: parameter) else {
            throw .configuration(path: "kind", reason: "has to be \(Self.form), not \"\(parameter)\"")
        }
        self = kind
    }
}
