import BrokerAggregation
import BrokerCore
import BrokerTestKit
import BrokerWire

/// One broker after the other on the same disk.
final class SimulatedBroker {
    private(set) var harness: CoreHarness
    private(set) var life = 1
    /// Whether it is about to end, because it does not know what is on its disk.
    private(set) var isDoomed = false
    private var strangerCount = 0
    /// Whether it may have to forget a producer.
    let isSmall: Bool
    private let hubCount: Int
    private let limits: BrokerLimits

    /// Sums of bare numbers on disk and in memory, sums of what objects hold, two views of these, and events.
    ///
    /// The view `seen` counts each publish by itself, so that what counts twice, or never, has a name.
    private static func rules() throws -> [TopicRule] {
        [
            try TopicRule("n/+", "sum", number: .int),
            try TopicRule("m/+", "sum", number: .int, durability: .memory),
            try TopicRule("k/+", "sum", number: .int).taking(value: "/v"),
            try TopicRule(view: "all", "sum", from: "k/+", number: .int).taking(value: "/v"),
            try TopicRule(view: "seen", "max", from: "k/+", number: .int).taking(value: "/v")
                .folding(perKey: "count", key: "/id", keysMax: 10_000),
        ]
    }

    /// - `isSmall`: Whether it may have to forget a producer.
    init(_ dice: Dice, isSmall: Bool) throws {
        self.isSmall = isSmall
        self.hubCount = 1 + dice.below(2)
        var limits = BrokerLimits()
        if isSmall { limits.producers = Self.producersMax }
        limits.onceSeconds = Self.onceSeconds
        self.limits = limits
        self.harness = try CoreHarness(Self.rules(), limits: limits, hubCount: self.hubCount)
    }

    /// More than are connected at a time, so that there is always one to forget.
    private static let producersMax = 12
    static let onceSeconds = 10

    func connect(_ dice: Dice) -> CoreHarness.Client { self.harness.connect(hub: dice.below(self.hubCount)) }

    /// Ends the commit under way as a disk may.
    func finishCommit(_ outcome: CommitOutcome, lands: Bool? = nil) {
        guard self.harness.storing != nil else { return }
        if case .unknown = outcome { self.isDoomed = true }
        self.harness.finishCommit(outcome, lands: lands)
    }

    /// The broker is killed, or the power fails; another one goes on with what is on the disk.
    ///
    /// - `lands`: Whether a commit that is under way is there: nobody has been told.
    func kill(lands: Bool) throws {
        if lands { self.harness.finishCommitUnnoticed() }
        self.life += 1
        self.isDoomed = false
        self.harness = try CoreHarness(
            Self.rules(),
            limits: self.limits,
            runEpoch: "r\(self.life)",
            hubCount: self.hubCount,
            time: self.harness.time,
            after: self.harness
        )
    }

    /// The offset up to which changes of a topic are on the disk; `nil` of a topic that is not stored.
    func storedOffset(_ topic: String) -> Int? {
        guard !topic.hasPrefix("m/") else { return nil }
        let name = Array(topic.utf8)
        return Int(self.harness.rows.values.first { $0.name == name }?.offset ?? 0)
    }

    /// So many strangers come once that all producers may have to be forgotten that are not there.
    func meetStrangers(_ dice: Dice) {
        for _ in 0..<Self.producersMax {
            self.strangerCount += 1
            let client = self.connect(dice)
            self.harness.send(#"{"op":"hello","producer":{"name":"stranger-\#(self.strangerCount)"}}"#, from: client)
            self.harness.disconnect(client)
        }
    }

    /// Nobody may be told of a change that is not on the disk.
    func checkTold(_ topic: String, _ offset: Int, _ ledger: Ledger) {
        guard let stored = self.storedOffset(topic), offset > stored else { return }
        ledger.note("\(topic) is told as of offset \(offset), and \(stored) is on the disk")
    }

    /// How often each publish to `k/+` is counted, by its `id`.
    func counts() throws -> [String: Int] {
        let rule = try Self.rules().first { $0.filter.bytes == Array("seen".utf8) }
        let row = self.harness.rows.values.first { $0.name == Array("seen".utf8) }
        guard case .aggregate(_, _, let version, let state)? = row?.content,
            let keyed = rule?.aggregator?.makeAccumulator() as? KeyedAccumulator
        else { return [:] }
        try keyed.restore(state, version: version)
        var counts: [String: Int] = [:]
        for key in keyed.keys {
            guard case .number(let count)? = keyed.value(of: key) else { continue }
            counts[String(decoding: key, as: UTF8.self)] = Int("\(count)")
        }
        return counts
    }

    /// What a topic holds, asked on a connection of its own.
    func value(of topic: String) -> ServerFrame? {
        let client = self.harness.connect()
        defer { self.harness.disconnect(client) }
        return self.harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first
    }
}
