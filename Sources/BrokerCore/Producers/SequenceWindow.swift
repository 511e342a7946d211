/// Which numbers of a producer have their verdict, and which of the last ones were accepted.
///
/// It is what makes a resend harmless: a number that was accepted is never applied again, one that was refused is
/// judged again, and one that is too old to know is refused and never guessed.
struct SequenceWindow: Hashable {
    /// What a number is.
    enum Place: Hashable {
        /// The one that comes next.
        case next
        /// It was refused, and may be judged again.
        case refused
        /// It was accepted.
        case accepted
        /// Too long ago to know.
        case expired
        /// A number before it is missing.
        case beyond
    }

    /// How many of the last settled numbers are remembered. As many as a client may have under way, so that all that
    /// it can send again after a lost connection are known.
    static let size: UInt64 = 1024

    /// Every number up to this has its verdict.
    private(set) var settled: UInt64 = 0
    /// A bit for each of the last ``size`` numbers, at its remainder: set if it was accepted.
    private var bits = [UInt64](repeating: 0, count: Int(Self.size / 64))

    init() {}

    /// As it was stored; `nil` if that is none.
    init?(settled: UInt64, accepted: [UInt8]) {
        guard accepted.count == Int(Self.size / 8) else { return nil }
        self.settled = settled
        for (index, byte) in accepted.enumerated() { self.bits[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
    }

    /// The bits for the store.
    var accepted: [UInt8] { self.bits.flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) } } }

    func place(of number: UInt64) -> Place {
        guard number <= self.settled else { return number == self.settled + 1 ? .next : .beyond }
        guard number + Self.size > self.settled else { return .expired }
        return self.isAccepted(number) ? .accepted : .refused
    }

    /// Notes the verdict on the next number, or a new one on a number that was refused.
    mutating func settle(_ number: UInt64, isAccepted: Bool) {
        self.settled = max(self.settled, number)
        let bit: UInt64 = 1 << (number % 64)
        if isAccepted { self.bits[self.word(of: number)] |= bit } else { self.bits[self.word(of: number)] &= ~bit }
    }

    /// Takes over what the client knows to be accepted and is not known here: it is lost, and may be sent again.
    mutating func advance(to number: UInt64) {
        guard number > self.settled else { return }
        guard number - self.settled < Self.size else {
            self = Self()
            self.settled = number
            return
        }
        for lost in self.settled + 1...number { self.settle(lost, isAccepted: false) }
    }

    /// The numbers that were refused and can be judged again.
    var refused: [UInt64] {
        guard self.settled > 0 else { return [] }
        let first = self.settled > Self.size ? self.settled - Self.size + 1 : 1
        return (first...self.settled).filter { !self.isAccepted($0) }
    }

    private func isAccepted(_ number: UInt64) -> Bool { self.bits[self.word(of: number)] & 1 << (number % 64) != 0 }

    private func word(of number: UInt64) -> Int { Int(number % Self.size / 64) }
}
