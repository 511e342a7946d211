/// Bins whose bounds grow by a factor, so that whatever stands for a bin is off by no more than a fixed fraction.
///
/// Instead of the logarithm stands a cubic that follows it between two powers of two (the "cubically interpolated
/// mapping" of DDSketch). It costs a hundredth more bins, is faster, and takes nothing but the basic operations, which
/// give the same bits on every machine: no two brokers ever disagree about the bin of a number.
struct LogarithmicBins: Hashable, Sendable {
    /// The largest index, in either direction, that any number has at any accuracy.
    static let indexMagnitudeMax = 1 << 20

    /// How many bins there are from one power of two to the next.
    private let binsPerOctave: Double

    /// - `accuracy`: The fraction that a number may be off, above 0 and at most 0.5.
    init(accuracy: Double) {
        // The logarithm of the factor between two bounds, `(1 + accuracy) / (1 - accuracy)`.
        var logarithm = 0.0
        var power = accuracy
        for exponent in stride(from: 1.0, through: 99, by: 2) {
            logarithm += 2 * power / exponent
            power *= accuracy * accuracy
        }
        // Where it is flattest, the cubic rises by 10/7 while the logarithm rises by 1. The rest is for rounding.
        self.binsPerOctave = 0.7 / logarithm * (1 + 0x1p-40)
    }

    /// The bin of `number`, which is above zero and finite.
    func index(of number: Double) -> Int {
        let position = Double(number.exponent) + Self.rise(number.significand - 1)
        return Int(exactly: (position * self.binsPerOctave).rounded(.down)) ?? 0
    }

    /// What stands for the numbers of a bin: as far from the lower bound as from the upper one, in relation to them.
    func value(of index: Int) -> Double {
        let (low, high) = (self.lowerBound(of: index), self.lowerBound(of: index + 1))
        return 2 * low / (low + high) * high
    }

    private func lowerBound(of index: Int) -> Double {
        let position = Double(index) / self.binsPerOctave
        let octave = position.rounded(.down)
        let rise = position - octave
        // Newton's method: the cubic rises everywhere between 0 and 1, ever more slowly.
        var fraction = rise
        for _ in 0..<8 { fraction -= (Self.rise(fraction) - rise) / Self.slope(fraction) }
        return Double(sign: .plus, exponent: Int(exactly: octave) ?? 0, significand: 1 + fraction)
    }

    /// From 0 to 1 as `fraction` does.
    private static func rise(_ fraction: Double) -> Double {
        ((6.0 / 35 * fraction - 3.0 / 5) * fraction + 10.0 / 7) * fraction
    }

    private static func slope(_ fraction: Double) -> Double {
        (18.0 / 35 * fraction - 6.0 / 5) * fraction + 10.0 / 7
    }
}
