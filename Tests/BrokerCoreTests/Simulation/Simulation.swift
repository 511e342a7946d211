import BrokerCore
import BrokerTestKit
import BrokerWire

/// A broker, its disk, its network and its publishers, all of it decided by a seed.
///
/// The network loses connections with what is on them, the disk refuses commits, the broker is killed at any moment and
/// goes on with what is committed, the clock is set. At the end every publish has to be counted once.
struct Simulation {
    private var random: SeededGenerator
    private var harness: CoreHarness
    private let publishers = ["a", "b", "c"].map(SimulatedPublisher.init)
    private var watcher: CoreHarness.Client?
    /// The highest total that anybody was told: a total only grows, so none may ever be told that is lower.
    private var told: [String: Int] = [:]
    private(set) var breach: String?

    private static let topics = ["n/x", "n/y", "n/z"]
    private static let steps = 400

    init(seed: UInt64) throws {
        self.random = SeededGenerator(seed: seed)
        self.harness = try Self.broker(after: nil)
    }

    private static func broker(after earlier: CoreHarness?) throws -> CoreHarness {
        let rules = try [
            TopicRule("n/+", "sum", number: .int), TopicRule(view: "all", "sum", from: "n/+", number: .int),
        ]
        let time = earlier?.time ?? BrokerTime(monotonic: 1_000_000_000, wall: 1_795_460_000_000)
        return try CoreHarness(rules, hubCount: 2, time: time, after: earlier)
    }

    /// Runs it to its end; returns what went wrong, if anything did.
    mutating func run() throws -> String? {
        for _ in 0..<Self.steps where self.breach == nil { try self.step() }
        self.drain()
        for publisher in self.publishers where self.breach == nil { self.breach = publisher.breach }
        return self.breach ?? self.differenceOfTotals()
    }

    // MARK: Steps

    private mutating func step() throws {
        let publisher = self.publishers[self.pick(self.publishers.count)]
        switch self.pick(100) {
        case 0..<40: publisher.publish(self.makePublish(), self.harness)
        case 40..<44: publisher.repeatOne(1 + self.pick(max(1, publisher.publishes.count)), self.harness)
        case 44..<56: publisher.connect(self.harness, hub: self.pick(2))
        case 56..<61: publisher.disconnect(self.harness)
        case 61..<76: publisher.read(self.harness)
        case 76..<84: self.harness.tick()
        case 84..<92: self.harness.finishCommit(self.pick(8) == 0 ? .full(reason: "simulated") : .committed)
        case 92..<94: self.harness.advance(milliseconds: UInt64(self.pick(5000)))
        case 94..<95: self.harness.setWall(to: UInt64(Int(self.harness.time.wall) + self.pick(7_200_000) - 3_600_000))
        case 95..<98: self.watch()
        default: try self.kill()
        }
    }

    private mutating func pick(_ count: Int) -> Int { Int.random(in: 0..<count, using: &self.random) }

    private mutating func makePublish() -> SimulatedPublisher.Publish {
        let topic = Self.topics[self.pick(Self.topics.count)]
        return .init(topic: topic, number: self.pick(6) == 0 ? nil : 1 + self.pick(1000))
    }

    /// The broker is killed. What was committed is there; a commit under way is there or not, and nobody knows.
    private mutating func kill() throws {
        self.read()
        if self.pick(2) == 0 { self.harness.finishCommit() }
        for publisher in self.publishers { publisher.brokerDied() }
        self.watcher = nil
        self.harness = try Self.broker(after: self.harness)
    }

    // MARK: What subscribers see

    private mutating func watch() {
        self.read()
        guard self.watcher == nil else { return }
        let client = self.harness.connect(hub: self.pick(2))
        self.watcher = client
        self.harness.send(##"{"op":"sub","id":1,"topic":"#"}"##, from: client)
    }

    private mutating func read() {
        for frame in self.watcher?.frames() ?? [] where frame.operation == "msg" {
            guard let value = frame.integer("data") else { continue }
            if value < self.told[frame.topic] ?? 0 {
                self.breach = "\(frame.topic) was \(self.told[frame.topic] ?? 0) and is told as \(value)"
            }
            self.told[frame.topic] = value
        }
    }

    // MARK: The end

    private mutating func drain() {
        for _ in 0..<50 {
            for publisher in self.publishers {
                publisher.connect(self.harness, hub: 0)
                publisher.read(self.harness)
            }
            self.harness.settle()
            self.read()
            if self.publishers.allSatisfy({ $0.unsettled.isEmpty }) { return }
        }
        if self.breach == nil { self.breach = "a publisher does not get its verdicts" }
    }

    private mutating func differenceOfTotals() -> String? {
        let client = self.harness.connect()
        var sums: [String: Int] = [:]
        for publish in self.publishers.flatMap(\.publishes) {
            guard let number = publish.number else { continue }
            sums[publish.topic, default: 0] += number
            sums["all", default: 0] += number
        }
        for (topic, sum) in sums.sorted(by: { $0.key < $1.key }) {
            let answer = self.harness.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#, from: client).first
            guard answer?.integer("data") == sum else {
                return "\(topic) is \(answer?["data"] ?? "nothing") and has to be \(sum)"
            }
        }
        return nil
    }
}
