import BrokerCore
import BrokerTestKit

/// A publisher without numbers, which says `once` with each publish and sends it again until it is answered, for as
/// long as the broker promises to know it; and sometimes after that.
final class OncePublisher {
    private struct Attempt {
        let id: Int
        /// When it was sent first, on the monotonic clock.
        let start: UInt64
    }

    private let name = "once"
    private let ledger: Ledger
    private let dice: Dice
    private var attempts: [Attempt] = []
    /// What was accepted, and may be sent again.
    private var accepted: [Attempt] = []
    private var client: CoreHarness.Client?
    private static let patience = UInt64(SimulatedBroker.onceSeconds - 1) * 1_000_000_000

    init(_ ledger: Ledger, _ dice: Dice) {
        self.ledger = ledger
        self.dice = dice
    }

    var isDone: Bool { self.attempts.isEmpty }

    func connect(_ broker: SimulatedBroker) {
        if self.client == nil { self.client = broker.connect(self.dice) }
    }

    func disconnect(_ broker: SimulatedBroker) {
        if let client = self.client { broker.harness.disconnect(client) }
        self.client = nil
    }

    func brokerDied() { self.client = nil }

    func publish(_ broker: SimulatedBroker) {
        let topic = self.dice.pick(["n/x", "m/x", "k/x", "k/y"])
        let publish = self.ledger.make(topic, 1 + self.dice.below(1000), isGood: !self.dice.chance(15))
        self.ledger.add(publish)
        self.attempts.append(Attempt(id: publish.id, start: broker.harness.time.monotonic))
        self.send(publish.id, broker)
    }

    private func send(_ id: Int, _ broker: SimulatedBroker) {
        guard let client = self.client else { return }
        let publish = self.ledger.publishes[id]
        broker.harness.send(
            #"{"op":"pub","id":\#(id),"once":"o\#(id)","topic":"\#(publish.topic)","data":\#(publish.data)}"#,
            from: client
        )
    }

    /// Sends again what may be, and gives up what may not.
    func sendAgain(_ broker: SimulatedBroker) {
        let now = broker.harness.time.monotonic
        for attempt in self.attempts where now - attempt.start >= Self.patience {
            self.ledger.settle(attempt.id, .unknown, by: self.name)
        }
        self.attempts.removeAll { now - $0.start >= Self.patience }
        self.accepted.removeAll { now - $0.start >= Self.patience }
        for attempt in self.attempts { self.send(attempt.id, broker) }
        if !self.accepted.isEmpty, self.dice.chance(50) { self.send(self.dice.pick(self.accepted).id, broker) }
    }

    /// Reads everything that has come.
    func read(_ broker: SimulatedBroker) {
        guard let client = self.client else { return }
        for frame in client.frames() {
            guard let id = frame.integer("id"), let index = self.attempts.firstIndex(where: { $0.id == id }) else {
                continue
            }
            switch frame.operation {
            case "ack":
                self.ledger.settle(id, .accepted, by: self.name)
                broker.checkTold(self.ledger.publishes[id].topic, frame.offset ?? 0, self.ledger)
                self.accepted.append(self.attempts.remove(at: index))
            case "err" where frame.string("retry") == "no":
                self.ledger.settle(id, .refused, by: self.name)
                self.attempts.remove(at: index)
            default: break
            }
        }
        if client.connection.closed != nil { self.disconnect(broker) }
    }
}
