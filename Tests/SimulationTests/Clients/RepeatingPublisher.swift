import BrokerTestKit

/// A publisher without the client, which does what the protocol allows and the client never does: it sends again what
/// has its verdict.
final class RepeatingPublisher {
    private let name = "repeating"
    private let ledger: Ledger
    private let dice: Dice
    private var epoch: String?
    private var acked = 0
    /// What has been published, from the number 1 on.
    private var publishes: [Int] = []
    /// The verdicts that are known: whether it was accepted.
    private var verdicts: [Int: Bool] = [:]
    /// Refusals whose covering ack has not come yet.
    private var refusals: Set<Int> = []
    private var client: CoreHarness.Client?
    private var isWelcome = false

    init(_ ledger: Ledger, _ dice: Dice) {
        self.ledger = ledger
        self.dice = dice
    }

    private var unsettled: [Int] { self.publishes.indices.map { $0 + 1 }.filter { self.verdicts[$0] == nil } }

    var isDone: Bool { self.unsettled.isEmpty }

    // MARK: Its connection

    func connect(_ broker: SimulatedBroker) {
        guard self.client == nil else { return }
        let client = broker.connect(self.dice)
        self.client = client
        self.isWelcome = false
        self.refusals = []
        let going = self.epoch.map { #","epoch":\#($0),"acked":\#(self.acked)"# } ?? ""
        // It resumes, so that it is never forgotten.
        broker.harness.send(
            #"{"op":"hello","producer":{"name":"\#(self.name)","resume":true\#(going)}}"#,
            from: client
        )
    }

    /// The connection is gone; what was on its way in either direction is lost.
    func disconnect(_ broker: SimulatedBroker) {
        if let client = self.client { broker.harness.disconnect(client) }
        self.client = nil
    }

    func brokerDied() { self.client = nil }

    // MARK: Publishing

    func publish(_ broker: SimulatedBroker) {
        let topic = self.dice.pick(["n/x", "n/y", "m/x", "k/x", "k/y"])
        let publish = self.ledger.make(topic, 1 + self.dice.below(1000), isGood: !self.dice.chance(15))
        self.ledger.add(publish)
        self.publishes.append(publish.id)
        if self.isWelcome { self.send(self.publishes.count, broker) }
    }

    private func send(_ seq: Int, _ broker: SimulatedBroker) {
        guard let client = self.client else { return }
        let publish = self.ledger.publishes[self.publishes[seq - 1]]
        broker.harness.send(
            #"{"op":"pub","seq":\#(seq),"topic":"\#(publish.topic)","data":\#(publish.data)}"#,
            from: client
        )
    }

    /// Sends something again that was accepted or refused.
    func repeatOne(_ broker: SimulatedBroker) {
        let settled = self.verdicts.keys.sorted()
        guard self.isWelcome, !settled.isEmpty else { return }
        self.send(self.dice.pick(settled), broker)
    }

    // MARK: Answers

    /// Reads everything that has come.
    func read(_ broker: SimulatedBroker) {
        guard let client = self.client else { return }
        for frame in client.frames() { self.read(frame, broker) }
        if client.connection.closed != nil { self.disconnect(broker) }
    }

    private func read(_ frame: ServerFrame, _ broker: SimulatedBroker) {
        switch frame.operation {
        case "welcome":
            self.welcome(frame["producer"] ?? "", broker)
        case "ack":
            guard let seq = frame.integer("seq") else { return }
            if let offset = frame.offset { broker.checkTold(frame.topic, offset, self.ledger) }
            for settled in self.unsettled where settled <= seq {
                self.settle(settled, isAccepted: !self.refusals.contains(settled))
            }
            if self.verdicts[seq] == true { self.acked = max(self.acked, seq) }
        case "err":
            guard let seq = frame.integer("seq") else { return }
            if frame.string("retry") == "no" {
                self.refusals.insert(seq)
            } else {
                // What it sent again for no reason is waited for too, though it has its verdict.
                if self.verdicts[seq] != nil { self.send(seq, broker) }
                for again in self.unsettled where again >= seq { self.send(again, broker) }
            }
        default: break
        }
    }

    private func welcome(_ producer: String, _ broker: SimulatedBroker) {
        let fields = ServerFrame(Array(producer.utf8))
        self.epoch = fields["epoch"]
        self.isWelcome = true
        if fields["regressed"] != nil { self.ledger.note("what was acknowledged is lost: \(producer)") }
        let next = fields.integer("next") ?? 0
        let refused = Set((fields["refused"] ?? "").split { !$0.isNumber }.compactMap { Int($0) })
        for seq in self.unsettled where seq < next && !refused.contains(seq) { self.settle(seq, isAccepted: true) }
        for seq in self.unsettled { self.send(seq, broker) }
    }

    private func settle(_ seq: Int, isAccepted: Bool) {
        guard self.verdicts[seq] == nil else { return }
        self.verdicts[seq] = isAccepted
        self.ledger.settle(self.publishes[seq - 1], isAccepted ? .accepted : .refused, by: self.name)
    }
}
