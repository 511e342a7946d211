import BrokerTestKit

/// Everything that anybody ever published, and what they were told became of it.
final class Ledger {
    enum Verdict: Hashable {
        case pending
        case accepted
        case refused
        /// It never left the client.
        case notSent
        /// Nobody can tell, and the client said so.
        case unknown
    }

    struct Publish {
        let id: Int
        let topic: String
        let number: Int
        /// Whether the broker has to accept it. A line of a file may be corrected.
        var isGood: Bool
        var verdict = Verdict.pending
        /// The life of the broker in which it was first asked for.
        let firstLife: Int
        /// The life of the broker in which its verdict became known.
        var lastLife: Int?

        /// What is published: on a topic of bare numbers the number, else an object that says which publish it is.
        var data: String {
            // The topic takes this one, and one of its views does not.
            if !self.isGood, self.topic.hasPrefix("k/"), self.id % 2 == 0 { return #"{"v":\#(self.number)}"# }
            let number = self.isGood ? "\(self.number)" : "true"
            return self.topic.hasPrefix("k/") || self.topic.hasPrefix("r/")
                ? #"{"id":"\#(self.id)","v":\#(number)}"# : number
        }
    }

    private(set) var publishes: [Publish] = []
    /// Which life of the broker it is.
    var life = 1
    /// The first thing that went wrong.
    private(set) var breach: String?

    /// What a publish would be that is added now.
    func make(_ topic: String, _ number: Int, isGood: Bool) -> Publish {
        Publish(id: self.publishes.count, topic: topic, number: number, isGood: isGood, firstLife: self.life)
    }

    /// Adds what ``make(_:_:isGood:)`` has made last.
    func add(_ publish: Publish) {
        precondition(publish.id == self.publishes.count, "publishes are numbered in the order in which they are added")
        self.publishes.append(publish)
    }

    func correct(_ id: Int) { self.publishes[id].isGood = true }

    /// Notes what somebody was told of a publish.
    func settle(_ id: Int, _ verdict: Verdict, by name: String) {
        let publish = self.publishes[id]
        switch verdict {
        case .accepted where !publish.isGood: self.note("\(name): \(publish) was accepted")
        case .refused where publish.isGood: self.note("\(name): \(publish) was refused")
        case .notSent where publish.verdict == .accepted, .refused where publish.verdict == .accepted:
            self.note("\(name): \(publish) was accepted, and then \(verdict)")
        default: break
        }
        // Another process may know what this one does not.
        if publish.verdict != .pending, verdict == .unknown || verdict == publish.verdict { return }
        self.publishes[id].verdict = verdict
        self.publishes[id].lastLife = self.life
    }

    func note(_ breach: String) {
        if self.breach == nil { self.breach = breach }
    }
}

/// Numbers from a seed, for all that is simulated, in the order in which they are asked for.
final class Dice {
    private var generator: SeededGenerator

    init(seed: UInt64) { self.generator = SeededGenerator(seed: seed) }

    func below(_ bound: Int) -> Int { self.generator.below(bound) }
    func chance(_ percent: Int) -> Bool { self.generator.chance(percent) }
    func pick<Element>(_ choices: [Element]) -> Element { self.generator.pick(choices) }
    /// A generator of its own for somebody.
    func fork() -> SeededGenerator { SeededGenerator(seed: self.generator.next()) }
}
