import BrokerCore
import BrokerTestKit
import BrokerWire
import Logging

/// The core and the hub, without sockets and disk.
enum CoreParts {
    static func measure() throws {
        for topics in [10, 1000, 100_000] {
            try Self.measurePublishing(topics: topics)
        }
        try Self.measureFanOut(subscribers: 1000)
        try Self.measureMatching(filters: 100_000)
    }

    /// A connection that takes everything and keeps nothing.
    private final class Sink: SessionConnection {
        var isWritable: Bool { true }
        var writes = 0
        func write(_ bytes: UnsafeRawBufferPointer) { self.writes += 1 }
        func answered() {}
        func secondPassed(_ now: UInt64) {}
        func drain() {}
        func close(_ code: CloseCode, reason: String) {}
    }

    /// A broker with its hub.
    private struct Machine {
        let broker: Broker
        let hub: Hub
        let limits: BrokerLimits
        var reader: MessageReader
        var time = BrokerTime(monotonic: 1_000_000_000, wall: 1_795_460_000_000)

        init(rules: [TopicRule]) throws {
            self.limits = BrokerLimits()
            self.hub = Hub(index: 0, limits: self.limits)
            self.reader = MessageReader(limits: self.limits)
            self.broker = try Broker(
                rules: TopicRules(rules),
                limits: self.limits,
                plainTopic: Topic("total"),
                restored: RestoredStore(epoch: "k"),
                runEpoch: "r",
                startedAt: self.time,
                drawEpoch: { 1 },
                logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
            )
        }

        mutating func receive(_ message: inout [UInt8], from session: HubSession) throws {
            try message.withUnsafeMutableBytes { bytes in
                let request = try self.reader.read(bytes, now: self.time.monotonic)
                if request.isAnswered { session.asked(bytes: bytes.count) }
                self.broker.receive(request, in: UnsafeRawBufferPointer(bytes), from: session.id, at: self.time)
            }
        }

        mutating func endTick() {
            self.time.monotonic += 100_000
            self.broker.takeEffects { _, batch in self.hub.apply(batch, at: self.time.monotonic) }
            self.hub.flush(at: self.time.monotonic) { self.broker.recycle($0, hub: 0) }
        }
    }

    /// Numbers to sums in memory, from 50 connections in turns, an answer each.
    private static func measurePublishing(topics: Int) throws {
        let title = "scan, fold and acknowledge, \(topics) topics"
        guard Measure.isWanted(title) else { return }
        var machine = try Machine(rules: [try TopicRule("#", "sum", durability: .memory)])
        let sessions = (0..<50).map { _ in machine.hub.open(Sink()) }
        var random = SeededGenerator(seed: 1)
        var messages = (0..<200_000).map { number in
            Array(#"{"op":"pub","id":\#(number),"topic":"sum/t\#(random.next() % UInt64(topics))","data":5}"#.utf8)
        }
        try Measure.cpu(title, per: "publish", count: messages.count) {
            for index in messages.indices {
                // Each connection is read until sixteen of its messages are taken.
                try machine.receive(&messages[index], from: sessions[index / 16 % sessions.count])
                if index % 800 == 799 { machine.endTick() }
            }
        }
    }

    private static func measureFanOut(subscribers: Int) throws {
        let title = "deliver an event to \(subscribers) subscribers"
        guard Measure.isWanted(title) else { return }
        var machine = try Machine(rules: [])
        for _ in 0..<subscribers {
            var message = Array(#"{"op":"sub","id":1,"topic":"news"}"#.utf8)
            try machine.receive(&message, from: machine.hub.open(Sink()))
        }
        machine.endTick()
        let publisher = machine.hub.open(Sink())
        let text = String(repeating: "x", count: 60)
        var message = Array(#"{"op":"pub","topic":"news","data":"\#(text)"}"#.utf8)
        try Measure.cpu(title, per: "delivery", count: 200 * subscribers) {
            for _ in 0..<200 {
                try machine.receive(&message, from: publisher)
                machine.endTick()
            }
        }
    }

    private static func measureMatching(filters: Int) throws {
        let title = "match a topic against \(filters) filters"
        guard Measure.isWanted(title) else { return }
        var tree = FilterTree()
        for number in 0..<filters {
            let level = number / 4
            let text =
                switch number % 4 {
                case 0: "site/\(level)/power"
                case 1: "site/\(level)/+"
                case 2: "site/\(level)/#"
                default: "+/\(level)/temperature"
                }
            _ = tree.insert(try TopicFilter(text))
        }
        let topics = (0..<10_000).map { Array("site/\($0 * 7 % (filters / 4))/power".utf8) }
        var found: [Int] = []
        Measure.cpu(title, per: "topic", count: topics.count) {
            for topic in topics {
                found.removeAll(keepingCapacity: true)
                tree.match(topic, into: &found)
                precondition(found.count == 3, "exact, one level, and the rest")
            }
        }
    }
}
