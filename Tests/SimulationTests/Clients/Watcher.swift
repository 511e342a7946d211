import BrokerTestKit

/// A subscriber to everything: no total may go back, nothing may be told that is not on the disk, and who asked for
/// all misses nothing.
final class Watcher {
    private let ledger: Ledger
    private let dice: Dice
    private var client: CoreHarness.Client?
    private var wantsAll = false
    /// Whether the broker has shown what was there before.
    private var isSubscribed = false
    /// The last offset of each topic on this connection.
    private var offsets: [String: Int] = [:]
    /// The highest total that was told of what survives.
    private var totals: [String: Int] = [:]

    init(_ ledger: Ledger, _ dice: Dice) {
        self.ledger = ledger
        self.dice = dice
    }

    /// Subscribes, or leaves again.
    func comeOrGo(_ broker: SimulatedBroker) {
        self.read(broker)
        if let client = self.client {
            broker.harness.disconnect(client)
            self.client = nil
            return
        }
        let client = broker.connect(self.dice)
        self.client = client
        self.offsets = [:]
        self.isSubscribed = false
        self.wantsAll = self.dice.chance(50)
        broker.harness.send(
            ##"{"op":"sub","id":1,"topic":"#","mode":"\##(self.wantsAll ? "all" : "latest")"}"##,
            from: client
        )
    }

    /// Its socket takes nothing for a while.
    func stall(_ broker: SimulatedBroker) {
        guard let client = self.client else { return }
        broker.harness.setWritable(!client.connection.isWritable, client)
    }

    func brokerDied() { self.client = nil }

    func read(_ broker: SimulatedBroker) {
        for frame in self.client?.frames() ?? [] {
            switch frame.operation {
            case "msg": self.read(frame, broker)
            case "ack": self.isSubscribed = true
            default: break
            }
        }
    }

    private func read(_ frame: ServerFrame, _ broker: SimulatedBroker) {
        let (topic, offset) = (frame.topic, frame.offset ?? 0)
        broker.checkTold(topic, offset, self.ledger)
        if let last = self.offsets[topic] {
            // What was there before may come between what is told live, and the same again, but never behind it.
            let isRetained = frame["retained"] != nil
            if offset < last || offset == last && !isRetained {
                self.ledger.note("\(topic) \(offset) is told after \(last)")
            }
            if self.wantsAll, self.isSubscribed, offset != last + 1 {
                self.ledger.note("\(topic) \(offset) is told, and not \(last + 1)")
            }
        }
        self.offsets[topic] = offset
        guard !topic.hasPrefix("m/"), let total = frame.integer("data") else { return }
        let before = self.totals.updateValue(total, forKey: topic) ?? 0
        if total < before { self.ledger.note("\(topic) was \(before) and is told as \(total)") }
    }
}
