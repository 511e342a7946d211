import ArgumentParser
import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("wsbench's command line")
struct BenchCommandTests {
    private func message(_ arguments: [String]) -> String? {
        do {
            _ = try BenchCommand.parse(arguments)
            return nil
        } catch {
            return BenchCommand.message(for: error)
        }
    }

    @Test func withoutOptionsItIsOnePublisherOfEventsForTenSeconds() throws {
        let plan = try BenchCommand.parse([]).plan()
        #expect(plan.address == BrokerAddress())
        #expect(plan.topics == [try Topic("bench")])
        #expect(plan.filter == (try TopicFilter("bench")))
        #expect(plan.publishers == 1 && plan.subscribers == 0 && plan.threads == 1)
        #expect(plan.payload == .event(bytes: 128) && plan.pace == .window(64))
        #expect(plan.goal == .duration(seconds: 10) && plan.warmUpSeconds == 1)
        #expect(!plan.isDurable)
    }

    @Test func everyOptionIsInThePlan() throws {
        let plan = try BenchCommand.parse([
            "--url", "ws://h:1/a/b", "--topics", "2", "--publishers", "3", "--subscribers", "4", "--number", "--rate",
            "1000", "--messages", "50", "--durable", "--latest", "--max-rate", "2.5", "--threads", "2",
        ]).plan()
        #expect(plan.address == BrokerAddress(host: "h", port: 1))
        #expect(plan.topics.map(\.description) == ["a/b/1", "a/b/2"])
        #expect(plan.filter == (try TopicFilter("a/b/+")))
        #expect(plan.payload == .number && plan.payloadBytes == 1)
        #expect(plan.pace == .rate(1000) && plan.goal == .messages(50))
        #expect(plan.warmUpSeconds == 0)
        #expect(plan.isDurable)
        #expect(plan.options == SubscriptionOptions(mode: .latest, maxRate: 2.5, retained: false))
        #expect(plan.threads == 2)
    }

    @Test(arguments: [
        (["--publishers", "0"], "--publishers"), (["--size", "25"], "--size"), (["--window", "1025"], "--window"),
        (["--rate", "0"], "--rate"), (["--rate", "5", "--window", "5"], "--window"),
        (["--number", "--size", "50"], "--size"), (["--messages", "5", "--duration", "1"], "--duration"),
        (["--all", "--max-rate", "1"], "--max-rate"), (["-t", "a/+"], "a/+"), (["--duration", "nan"], "--duration"),
        (["--topics", "10000", "--subscribers", "1001"], "--topics"), (["-t", "a", "--url", "ws://h/b"], "-t"),
    ])
    func whatDoesNotGoTogetherIsNamed(arguments: [String], name: String) throws {
        #expect(try #require(self.message(arguments)).contains(name))
    }

    /// Each topic has a publisher, and each publisher a topic.
    @Test(arguments: [(1, 1), (1, 5), (5, 1), (3, 7), (7, 3), (4, 4)])
    func topicsAndPublishersAreSharedOut(publishers: Int, topics: Int) throws {
        let plan = try BenchCommand.parse(["--publishers", "\(publishers)", "--topics", "\(topics)"]).plan()
        let shares = (0..<publishers).map { plan.topics(ofPublisher: $0) }
        #expect(Set(shares.joined()) == Set(0..<topics))
        #expect(shares.allSatisfy { !$0.isEmpty })
        #expect(shares.joined().count == max(publishers, topics))
    }

    @Test func messagesAreSharedOutWithoutARest() throws {
        let plan = try BenchCommand.parse(["--publishers", "3", "--messages", "11"]).plan()
        let shares = (0..<3).map { plan.schedule(ofPublisher: $0, start: 0).goal }
        #expect(shares == [.messages(4), .messages(4), .messages(3)])
    }
}
