/// Numbers that look random and are the same in every run, so that a failure can be had again (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        self.state = seed
    }

    mutating func next() -> UInt64 {
        self.state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = self.state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `bound`.
    mutating func below(_ bound: Int) -> Int { Int(self.next() % UInt64(bound)) }

    /// True in `percent` of a hundred cases.
    mutating func chance(_ percent: Int) -> Bool { self.below(100) < percent }

    /// One of `choices`, which must not be empty.
    mutating func pick<Element>(_ choices: [Element]) -> Element { choices[self.below(choices.count)] }

    /// `count` bytes.
    mutating func bytes(_ count: Int) -> [UInt8] { (0..<count).map { _ in UInt8(truncatingIfNeeded: self.next()) } }

    /// `count` decimal digits, the first of which is not zero.
    mutating func digits(_ count: Int) -> String {
        (0..<count).map { String($0 == 0 ? self.below(9) + 1 : self.below(10)) }.joined()
    }
}
