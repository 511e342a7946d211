import BrokerWire

@testable import BrokerClient

/// A program that publishes with the real client, and all of its processes.
final class Program {
    /// How it numbers its publishes.
    enum Kind: CaseIterable {
        /// Under a name that the client draws.
        case ephemeral
        /// Under its own name; each process begins anew, and fences off those before.
        case named
        /// By their place in a file, which each process goes on with.
        case resuming
        /// Not at all.
        case unnumbered
    }

    let kind: Kind
    private let name: String
    private let network: SimulatedNetwork
    private let ledger: Ledger
    private let dice: Dice
    private var process: ClientProcess
    /// Those that were not killed when another one was started.
    private var older: [ClientProcess] = []
    private var processCount = 1
    /// The lines of its file; `nil` is one that is empty.
    private var lines: [Int?] = []
    private var nextLine = 0
    private static let lineCount = 40
    /// With more of them there might be more producers connected than a small broker can remember.
    private static let olderMax = 2

    init(_ kind: Kind, _ network: SimulatedNetwork, _ ledger: Ledger, _ dice: Dice) {
        (self.kind, self.network, self.ledger, self.dice) = (kind, network, ledger, dice)
        self.name = "\(kind)"
        self.process = Self.makeProcess(kind, network, dice)
        guard kind == .resuming else { return }
        self.lines = (0..<Self.lineCount).map { _ in
            guard !dice.chance(10) else { return nil }
            let publish = self.make()
            ledger.add(publish)
            return publish.id
        }
    }

    private static func makeProcess(_ kind: Kind, _ network: SimulatedNetwork, _ dice: Dice) -> ClientProcess {
        let producer: ClientConfiguration.Producer =
            switch kind {
            case .ephemeral: .ephemeral
            case .named: .named("named")
            case .resuming: .resuming("resuming")
            case .unnumbered: .none
            }
        return ClientProcess(producer, network, dice)
    }

    private func make() -> Ledger.Publish {
        // What has no number is not tied to anything that survives, so in memory nobody could say what it came to.
        let memory = self.kind == .unnumbered ? [] : ["m/x"]
        // Only what one process publishes has an order.
        let retained = self.kind == .ephemeral ? ["r/\(self.processCount)"] : []
        let topic = self.dice.pick(["n/x", "n/y", "k/x", "k/x", "k/y"] + memory + retained)
        return self.ledger.make(
            topic,
            1 + self.dice.below(1000),
            isGood: topic.hasPrefix("r/") || !self.dice.chance(15)
        )
    }

    // MARK: What it does

    /// Publishes the next one, if the client takes it.
    func publish() throws {
        guard self.process.end == nil else { return }
        if self.kind == .resuming { return try self.publishLine() }
        let publish = self.make()
        if try self.process.publish(publish) == .added { self.ledger.add(publish) }
        if self.dice.chance(50) { self.process.drain() }
    }

    private func publishLine() throws {
        guard self.nextLine < self.lines.count, self.process.position != nil else { return }
        let number = UInt64(self.nextLine + 1)
        let line = self.lines[self.nextLine]
        guard let line else {
            if try self.process.skip(number) != .full { self.nextLine += 1 }
            return
        }
        let publish = self.ledger.publishes[line]
        let addition = try self.process.publish(publish, as: .number(number))
        if addition != .full { self.nextLine += 1 }
        // An earlier process has published it, and did not live to hear what became of it.
        if addition == .settled, publish.isGood { self.ledger.settle(line, .accepted, by: self.name) }
        if self.dice.chance(50) { self.process.drain() }
    }

    /// Another process begins; the one before is killed, or goes on without knowing.
    func startAgain(killsOld: Bool, _ broker: SimulatedBroker) throws {
        if killsOld || self.older.count == Self.olderMax {
            try self.kill(self.process, broker)
        } else {
            self.older.append(self.process)
        }
        self.process = Self.makeProcess(self.kind, self.network, self.dice)
        self.processCount += 1
        self.nextLine = 0
        guard self.older.isEmpty else { return }
        // Somebody may have looked at what was refused.
        for case .some(let id) in self.lines where self.dice.chance(20) { self.ledger.correct(id) }
    }

    /// All processes end.
    func kill(_ broker: SimulatedBroker) throws {
        for process in self.older + [self.process] { try self.kill(process, broker) }
        self.older = []
    }

    private func kill(_ process: ClientProcess, _ broker: SimulatedBroker) throws {
        self.readOutcomes(of: process, broker)
        // The next process finds out by its file.
        if self.kind != .resuming {
            for id in process.open { self.ledger.settle(Int(id), .unknown, by: self.name) }
        }
        try process.kill()
    }

    // MARK: What it is told

    /// Whether there is nothing left to do.
    var isDone: Bool {
        self.nextLine == self.lines.count && (self.older + [self.process]).allSatisfy(\.open.isEmpty)
    }

    /// What it still waits for, for people.
    var rest: String {
        "\(self.kind): line \(self.nextLine), \(self.process.open.sorted()), \(self.older.count) older"
    }

    func drain() { for process in self.older + [self.process] { process.drain() } }

    func advance(milliseconds: Int) {
        for process in self.older + [self.process] { process.advance(milliseconds: milliseconds) }
    }

    /// Reads everything that has come. Where the client has given up as it may, another process begins.
    func read(_ broker: SimulatedBroker) throws {
        for process in self.older + [self.process] {
            self.readOutcomes(of: process, broker)
            guard let end = process.end else { continue }
            if !self.mayEnd(with: end, broker) { self.ledger.note("\(self.name) has given up: \(end)") }
        }
        for process in self.older where process.end != nil { try self.kill(process, broker) }
        self.older.removeAll { $0.end != nil }
        if self.process.end != nil { try self.startAgain(killsOld: true, broker) }
    }

    private func mayEnd(with end: ClientError, _ broker: SimulatedBroker) -> Bool {
        switch end.brokerCode.flatMap({ ErrorCode(rawValue: $0) }) {
        // The broker can not know which of two processes, or connections, is the later one, only which speaks later.
        case .fenced: self.kind == .named && (self.processCount > 1 || self.network.hasBroken)
        case .replaced: self.kind == .resuming && (self.processCount > 1 || self.network.hasBroken)
        case .producerUnknown: self.kind == .named && broker.isSmall
        default: false
        }
    }

    private func readOutcomes(of process: ClientProcess, _ broker: SimulatedBroker) {
        for (tag, outcome) in process.takeOutcomes() {
            let id = self.kind == .resuming ? self.lines[Int(tag) - 1] : Int(tag)
            switch (id, outcome) {
            case (nil, .acknowledged): self.ledger.note("\(self.name): nothing was published, and it was accepted")
            case (nil, _): break
            case (let id?, .acknowledged(let answer)): self.accepted(id, answer, broker)
            case (let id?, .refused(let refusal)): self.refused(id, refusal)
            case (let id?, .notSent):
                if self.kind != .resuming { self.ledger.settle(id, .notSent, by: self.name) }
            case (let id?, .unknown):
                let isForgotten = self.kind == .ephemeral && broker.isSmall
                if self.kind != .unnumbered, process.end == nil, !isForgotten {
                    self.ledger.note("\(self.name): what became of \(self.ledger.publishes[id]) is unknown")
                }
                if self.kind != .resuming { self.ledger.settle(id, .unknown, by: self.name) }
            }
        }
    }

    private func refused(_ id: Int, _ refusal: BrokerRefusal) {
        switch (self.kind, refusal.retry) {
        case (_, .no): self.ledger.settle(id, .refused, by: self.name)
        // Without a number nobody can send it again for the program, which is told.
        case (.unnumbered, .later): self.ledger.settle(id, .notSent, by: self.name)
        case (.unnumbered, _): self.ledger.settle(id, .unknown, by: self.name)
        default: self.ledger.note("\(self.name): \(refusal) is no verdict")
        }
    }

    private func accepted(_ id: Int, _ answer: PublishAcknowledgement, _ broker: SimulatedBroker) {
        self.ledger.settle(id, .accepted, by: self.name)
        let topic = self.ledger.publishes[id].topic
        broker.checkTold(topic, Int(answer.offset), self.ledger)
        if !answer.isApplied { self.ledger.note("\(self.name): \(topic) has no filter, and left something out") }
    }
}
