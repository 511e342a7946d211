/// Randomness that is always the same.
///
/// It is a value with a size: the thread sanitizer follows the address of a generator without one, which has none.
struct FixedGenerator: RandomNumberGenerator {
    static let highest = Self(value: .max)
    static let lowest = Self(value: 0)

    let value: UInt64

    mutating func next() -> UInt64 { self.value }
}
