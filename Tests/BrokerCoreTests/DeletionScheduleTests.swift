import BrokerCore
import BrokerTestKit
import BrokerWire
import Testing

/// Publishes, deletions, failed commits and crashes in any order: a position never means two things.
@Suite struct DeletionScheduleTests {
    /// Everything that was ever shown, by topic and position.
    private struct Shown {
        private var values: [String: String] = [:]
        private(set) var contradictions: [String] = []

        mutating func note(_ frames: [ServerFrame]) {
            for frame in frames where frame.operation == "ack" {
                guard let epoch = frame.string("epoch"), let offset = frame.offset, offset > 0 else { continue }
                let place = "\(frame.topic) \(epoch):\(offset)"
                let value = frame["data"] ?? ""
                if let before = self.values.updateValue(value, forKey: place), before != value {
                    self.contradictions.append("\(place) was \(before) and is \(value)")
                }
            }
        }
    }

    private static let topics = ["d/a", "d/b", "m/a", "news", "source/a"]

    private static func harness(after earlier: CoreHarness?, run: Int) throws -> CoreHarness {
        let rules = try [
            TopicRule("d/+", "sum"), TopicRule("m/+", "sum", durability: .memory),
            TopicRule(view: "d/view", "sum", from: "source/+"),
        ]
        return try CoreHarness(rules, runEpoch: "r\(run)", after: earlier)
    }

    private static func publish(_ generator: inout SeededGenerator) -> String {
        let topic = Self.topics.randomElement(using: &generator) ?? ""
        let number = Int.random(in: 1...1_000_000, using: &generator)
        let retain = topic == "news" && Bool.random(using: &generator) ? #","retain":true"# : ""
        let once = Bool.random(using: &generator) ? #","once":"\#(number)""# : ""
        return #"{"op":"pub","id":1,"topic":"\#(topic)","data":\#(number)\#(retain)\#(once)}"#
    }

    private func run(seed: UInt64) throws -> [String] {
        var generator = SeededGenerator(seed: seed)
        var shown = Shown()
        var harness = try Self.harness(after: nil, run: 0)
        var (client, administrator) = (harness.connect(), harness.connect())
        for step in 1...300 {
            switch Int.random(in: 0..<20, using: &generator) {
            case 0..<7:
                harness.send(Self.publish(&generator), from: client)
            case 7..<11:
                let topic = Self.topics.randomElement(using: &generator) ?? ""
                harness.send(#"{"op":"get","id":2,"topic":"\#(topic)"}"#, from: client)
            case 11:
                let topic = Self.topics.randomElement(using: &generator) ?? ""
                harness.send(#"{"op":"sub","id":3,"topic":"\#(topic)"}"#, from: client)
            case 12..<14:
                let filter = ["#", "d/+", "news", "m/a"].randomElement(using: &generator) ?? "#"
                harness.start(.delete(try TopicFilter(filter)), from: administrator)
            case 14..<16:
                harness.tick()
            case 16:
                harness.advance(milliseconds: 61_000)
                harness.sweep()
            case 17:
                harness.finishCommit(.full(reason: "no room"))
            case 18 where Int.random(in: 0..<4, using: &generator) == 0:
                if Bool.random(using: &generator) { harness.finishCommitUnnoticed() }
                shown.note(client.frames())
                harness = try Self.harness(after: harness, run: step)
                (client, administrator) = (harness.connect(), harness.connect())
            default:
                harness.finishCommit()
            }
            shown.note(client.frames())
        }
        harness.settle()
        shown.note(client.frames())
        // And nobody is left behind by what was taken back: the store and the broker hold the same.
        let rows = Set(harness.storedRows.map { String(decoding: $0.name, as: UTF8.self) })
        for topic in ["d/a", "d/b", "d/view"] {
            let frame = harness.ask(#"{"op":"get","id":4,"topic":"\#(topic)"}"#, from: client).last
            #expect((frame?.code != 4404) == rows.contains(topic), "seed \(seed): \(topic)")
        }
        return shown.contradictions.map { "seed \(seed): \($0)" }
    }

    @Test func aPositionNeverMeansTwoThings() throws {
        for seed in 0..<300 { #expect(try self.run(seed: UInt64(seed)) == []) }
    }
}
