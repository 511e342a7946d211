import BrokerTestKit

/// What everything has come to, when everybody has every answer: what was accepted counts once, what was refused does
/// not, and what nobody can tell at most once.
struct FinalAccount {
    private let ledger: Ledger
    private let broker: SimulatedBroker

    init(_ ledger: Ledger, _ broker: SimulatedBroker) {
        self.ledger = ledger
        self.broker = broker
    }

    func check() throws {
        // Of a line that had to be refused a process that is gone may be the only one that was told.
        for publish in self.ledger.publishes where publish.isGood && publish.verdict == .pending {
            self.ledger.note("\(publish) has no verdict")
        }
        for publish in self.ledger.publishes where publish.isGood && publish.verdict == .refused {
            self.ledger.note("\(publish) was corrected and not judged again")
        }
        for topic in ["n/x", "n/y"] { self.checkSum(topic) }
        self.checkMemory("m/x")
        try self.checkEach()
        for topic in Set(self.ledger.publishes.map(\.topic)).sorted() where topic.hasPrefix("r/") {
            self.checkRetained(topic)
        }
    }

    private func publishes(to topic: String) -> [Ledger.Publish] {
        self.ledger.publishes.filter { $0.topic == topic }
    }

    private func sum(of topic: String) -> Int { self.broker.value(of: topic)?.integer("data") ?? 0 }

    private static func isPossible(_ publish: Ledger.Publish) -> Bool { publish.isGood && publish.verdict == .unknown }

    private func checkSum(_ topic: String) {
        let publishes = self.publishes(to: topic)
        let accepted = publishes.filter { $0.verdict == .accepted }.reduce(0) { $0 + $1.number }
        let possible = publishes.filter(Self.isPossible).reduce(0) { $0 + $1.number }
        self.expect(self.sum(of: topic), of: topic, within: accepted...accepted + possible)
    }

    /// What was published for the first time in this life of the broker is there; of what was under way when it began,
    /// nobody knows in which one it counted.
    private func checkMemory(_ topic: String) {
        var (certain, possible) = (0, 0)
        for publish in self.publishes(to: topic) where publish.lastLife == self.broker.life {
            if publish.verdict == .accepted, publish.firstLife == self.broker.life {
                certain += publish.number
            } else if publish.verdict == .accepted || Self.isPossible(publish) {
                possible += publish.number
            }
        }
        self.expect(self.sum(of: topic), of: topic, within: certain...certain + possible)
    }

    private func expect(_ sum: Int, of topic: String, within range: ClosedRange<Int>) {
        if !range.contains(sum) { self.ledger.note("\(topic) is \(sum) and has to be in \(range)") }
    }

    /// Where each publish has its own count.
    private func checkEach() throws {
        let counts = try self.broker.counts()
        var sums = ["k/x": 0, "k/y": 0]
        for publish in self.ledger.publishes where publish.topic.hasPrefix("k/") {
            let count = counts["\(publish.id)"] ?? 0
            let range =
                switch publish.verdict {
                case .accepted: 1...1
                case .unknown where publish.isGood: 0...1
                default: 0...0
                }
            if !range.contains(count) { self.ledger.note("\(publish) counts \(count) times") }
            sums[publish.topic, default: 0] += count * publish.number
        }
        for (topic, sum) in sums.sorted(by: { $0.key < $1.key }) {
            self.expect(self.sum(of: topic), of: topic, within: sum...sum)
        }
        let all = sums.values.reduce(0, +)
        self.expect(self.sum(of: "all"), of: "all", within: all...all)
    }

    /// One process publishes it in order: the last that was accepted is there, or one that nobody can tell of.
    private func checkRetained(_ topic: String) {
        let publishes = self.publishes(to: topic)
        let data = self.broker.value(of: topic)?["data"]
        if data == publishes.last(where: { $0.verdict == .accepted })?.data { return }
        guard let kept = publishes.first(where: { $0.data == data }), Self.isPossible(kept) else {
            return self.ledger.note("\(topic) holds \(data ?? "nothing")")
        }
    }
}
