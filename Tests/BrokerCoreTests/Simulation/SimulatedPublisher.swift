import BrokerTestKit
import Testing

/// A publisher that does what the protocol asks of a client: it numbers, keeps what has no verdict, and sends it again.
final class SimulatedPublisher {
    struct Publish {
        var topic: String
        /// The number that it adds, or `nil` for one that has to be refused.
        var number: Int?

        var data: String { self.number.map { "\($0)" } ?? "true" }
    }

    private let name: String
    private var epoch: String?
    private var acked = 0
    /// What has been published, from the number 1 on.
    private(set) var publishes: [Publish] = []
    /// The verdicts that are known: whether it was accepted.
    private(set) var verdicts: [Int: Bool] = [:]
    /// Refusals whose covering ack has not come yet.
    private var refusals: Set<Int> = []
    private(set) var client: CoreHarness.Client?
    private var isWelcome = false
    /// What went wrong, if anything did.
    private(set) var breach: String?

    init(_ name: String) { self.name = name }

    var unsettled: [Int] {
        (1...max(1, self.publishes.count)).filter { $0 <= self.publishes.count && self.verdicts[$0] == nil }
    }

    // MARK: Its connection

    func connect(_ harness: CoreHarness, hub: Int) {
        guard self.client == nil else { return }
        let client = harness.connect(hub: hub)
        self.client = client
        self.isWelcome = false
        self.refusals = []
        let going = self.epoch.map { #","epoch":\#($0),"acked":\#(self.acked)"# } ?? ""
        harness.send(#"{"op":"hello","producer":{"name":"\#(self.name)"\#(going)}}"#, from: client)
    }

    /// The connection is gone; what was on its way in either direction is lost.
    func disconnect(_ harness: CoreHarness) {
        if let client = self.client { harness.disconnect(client) }
        self.client = nil
    }

    /// The broker is gone.
    func brokerDied() { self.client = nil }

    // MARK: Publishing

    func publish(_ publish: Publish, _ harness: CoreHarness) {
        guard self.unsettled.count < 200 else { return }
        self.publishes.append(publish)
        if self.isWelcome { self.send(self.publishes.count, harness) }
    }

    private func send(_ seq: Int, _ harness: CoreHarness) {
        guard let client = self.client else { return }
        let publish = self.publishes[seq - 1]
        harness.send(#"{"op":"pub","seq":\#(seq),"topic":"\#(publish.topic)","data":\#(publish.data)}"#, from: client)
    }

    /// Sends something again that has its verdict, as a client may that does not know it.
    func repeatOne(_ seq: Int, _ harness: CoreHarness) {
        guard self.isWelcome, self.verdicts[seq] == true else { return }
        self.send(seq, harness)
    }

    // MARK: Answers

    /// Reads everything that has come.
    func read(_ harness: CoreHarness) {
        guard let client = self.client else { return }
        for frame in client.frames() { self.read(frame, harness) }
        if client.connection.closed != nil { self.disconnect(harness) }
    }

    private func read(_ frame: ServerFrame, _ harness: CoreHarness) {
        switch frame.operation {
        case "welcome":
            self.welcome(frame["producer"] ?? "", harness)
        case "ack":
            guard let seq = frame.integer("seq") else { return }
            for settled in self.unsettled where settled <= seq {
                self.settle(settled, isAccepted: !self.refusals.contains(settled))
            }
            if self.verdicts[seq] == true { self.acked = max(self.acked, seq) }
        case "err":
            guard let seq = frame.integer("seq") else { return }
            if frame.string("retry") == "no" {
                self.refusals.insert(seq)
            } else {
                for again in self.unsettled where again >= seq { self.send(again, harness) }
            }
        default: break
        }
    }

    private func welcome(_ producer: String, _ harness: CoreHarness) {
        let fields = ServerFrame(Array(producer.utf8))
        self.epoch = fields["epoch"]
        self.isWelcome = true
        if fields["regressed"] != nil { self.breach = "the broker has lost what it acknowledged: \(producer)" }
        let next = fields.integer("next") ?? 0
        let refused = Set((fields["refused"] ?? "").split { !$0.isNumber }.compactMap { Int($0) })
        for seq in self.unsettled where seq < next && !refused.contains(seq) { self.settle(seq, isAccepted: true) }
        for seq in self.unsettled { self.send(seq, harness) }
    }

    private func settle(_ seq: Int, isAccepted: Bool) {
        guard self.verdicts[seq] == nil else { return }
        self.verdicts[seq] = isAccepted
        let isRight = self.publishes[seq - 1].number != nil
        if isAccepted != isRight { self.breach = "\(self.name) \(seq) was \(isAccepted ? "accepted" : "refused")" }
    }
}
