import BrokerWire
import Testing

@testable import BrokerClient

@Suite("Broker client: what was there before a subscription", .timeLimit(.minutes(5)))
struct SnapshotTests {
    @Test func moreThanIsKeptCanBeReadBeforeTheBrokerHasSentItAll() async throws {
        let broker = try await FakeBroker.start()
        var configuration = broker.configuration
        configuration.bufferedMessagesMax = 2
        let (client, connection) = try await broker.connect(configuration)
        let subscribing = Task { try await client.subscribe(to: TopicFilter("#")) }
        let request = try await connection.receive()
        let count = 200
        for number in 1...2 { connection.sendMessage("t/\(number)", offset: 1, "1", #","retained":true"#) }
        // It is not acknowledged, and can be read all the same.
        let subscription = try await subscribing.value
        for number in 3...count { connection.sendMessage("t/\(number)", offset: 1, "1", #","retained":true"#) }
        connection.send(#"{"op":"ack","id":\#(request.id)}"#)
        var read = 0
        while let part = try await subscription.nextPart() {
            read += part.messages.count
            if part.endsSnapshot { break }
        }
        #expect(read == count)
        await client.shutdownNow(connection)
    }

    @Test func theEndOfTheSnapshotIsToldOnceAndInItsPlace() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscription = try await connection.subscribe(client, "a")
        connection.sendMessage("a", offset: 5, "5")
        let first = try #require(try await subscription.nextPart())
        #expect(first.endsSnapshot && first.messages.isEmpty)
        let second = try #require(try await subscription.nextPart())
        #expect(!second.endsSnapshot && second.messages.map(\.offset) == [5])
        await client.shutdownNow(connection)
        #expect(try await subscription.nextPart() == nil)
    }

    @Test func messagesOfATopicCarryItsEpoch() async throws {
        let broker = try await FakeBroker.start()
        let (client, connection) = try await broker.connect()
        let subscribing = Task { try await client.subscribe(to: TopicFilter("a")) }
        try await connection.answer(with: #""op":"ack","topic":"a","epoch":"k3","offset":4,"data":10"#)
        var iterator = try await subscribing.value.makeAsyncIterator()
        connection.sendMessage("a", offset: 5, "11")
        #expect(try await iterator.next()?.epoch == "k3")
        #expect(try await iterator.next()?.epoch == "k3")
        await client.shutdownNow(connection)
    }
}
