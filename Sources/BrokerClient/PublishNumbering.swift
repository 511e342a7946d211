/// Gives publishes the numbers under which they travel.
///
/// Without a producer these are ids, which say which answer belongs to which publish. With one they are the
/// producer's, begin where the broker says, and must not leave a gap.
struct PublishNumbering {
    /// What a publish asks for.
    enum Choice {
        /// The next number, whatever it is.
        case next
        /// This number, because it is a place in what the publishes are read from.
        case number(UInt64)
    }

    enum Answer: Hashable {
        /// - `isAgain`: Whether it was refused before, and is to be judged again.
        case number(PublishNumber, isAgain: Bool)
        /// There can be no number yet: wait.
        case notYet
        /// The number has its verdict.
        case settled
    }

    let isOfProducer: Bool
    /// The next number; absent until the broker has said where a producer begins.
    private(set) var next: UInt64?
    /// Where the producer stood in the last `welcome`.
    private(set) var position: ProducerPosition?
    /// The numbers that may be judged again and were not asked for yet, in order.
    private var refused: ArraySlice<UInt64> = []
    /// How many are being judged again.
    private var againCount = 0
    /// Whether each number was the program's own choice.
    private(set) var isBySource = true

    init(isOfProducer: Bool) {
        self.isOfProducer = isOfProducer
        self.next = isOfProducer ? nil : 1
    }

    /// Whether a new number can be given out.
    ///
    /// Not while old ones are judged again: behind a thousand new verdicts the broker would not know the old ones any
    /// more, and if the connection were lost then, nobody would.
    var hasNext: Bool { self.next != nil && self.againCount == 0 }

    /// The number for a publish, which ``take(_:)`` then takes.
    func number(for choice: Choice) throws(ClientError) -> Answer {
        guard let next = self.next else { return .notYet }
        switch choice {
        case .next:
            guard self.hasNext else { return .notYet }
            return .number(self.isOfProducer ? .seq(next) : .id(next), isAgain: false)
        case .number(let number):
            guard self.isOfProducer else {
                throw ClientError(.invalidArgument, "a client without a producer numbers its publishes itself")
            }
            guard number >= next else {
                return self.refused.contains(number) ? .number(.seq(number), isAgain: true) : .settled
            }
            guard number == next else {
                throw ClientError(.invalidArgument, "\(number) can not be published before \(next)")
            }
            return self.hasNext ? .number(.seq(number), isAgain: false) : .notYet
        }
    }

    /// Takes a number that was the answer to `choice`.
    mutating func take(_ number: PublishNumber, isAgain: Bool, for choice: Choice) {
        if case .next = choice { self.isBySource = false }
        guard isAgain else {
            self.next = number.value + 1
            // What is judged again goes before what is new, so that the numbers of a connection rise.
            self.refused = []
            return
        }
        self.againCount += 1
        self.refused = self.refused[(self.refused.firstIndex { $0 > number.value } ?? self.refused.endIndex)...]
    }

    /// So many of those that were judged again have their verdict.
    mutating func judgedAgain(_ count: Int) {
        self.againCount -= count
    }

    /// The broker said where the producer stands.
    mutating func begin(at position: ProducerPosition) {
        if self.next == nil { self.refused = position.refused[...] }
        self.position = position
        // Beyond what this client gave out only where somebody else reads the same source, which comes to the same.
        self.next = max(self.next ?? position.next, position.next)
    }

    /// The producer is none any more; another one will begin.
    mutating func startOver() {
        self = Self(isOfProducer: self.isOfProducer)
    }
}

/// The number under which a publish travels.
enum PublishNumber: Hashable, Sendable {
    case id(UInt64)
    case seq(UInt64)

    var value: UInt64 {
        switch self {
        case .id(let value), .seq(let value): value
        }
    }
}
