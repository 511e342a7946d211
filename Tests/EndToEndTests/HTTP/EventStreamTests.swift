import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Server-sent events and long polls.
@Suite("Event streams", .timeLimit(.minutes(5)))
struct EventStreamTests {
    /// A stream of events, read as they come.
    private static func listen<Result: Sendable>(
        _ path: String,
        _ fields: [String: String] = [:],
        _ broker: TestBroker,
        _ body: @escaping @Sendable (EventReader) async throws -> Result
    ) async throws -> Result {
        try await WireClient.runRaw(port: broker.port) { client async throws in
            var fields = fields
            fields["Accept"] = "text/event-stream"
            fields["Connection"] = "keep-alive"
            try await client.send(raw: Array(HTTPExchange.text("GET \(path)", fields).utf8))
            let head = try await client.head()
            #expect(head.hasPrefix("HTTP/1.1 200 "), "\(head)")
            #expect(head.lowercased().contains("content-type: text/event-stream"))
            return try await body(EventReader(client))
        }
    }

    private func publish(_ body: String, to topic: String, _ broker: TestBroker) async throws {
        let answer = try await HTTPExchange.send("POST /topics/\(topic)", body: body, port: broker.port)
        #expect(answer.status == 200, "\(answer)")
    }

    @Test func aStreamBeginsWithTheValueAndGoesOnWithEveryChange() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("6", to: "clicks", broker)
            try await Self.listen("/topics/clicks", [:], broker) { events async throws in
                let first = try await events.next()
                #expect(first.data.hasPrefix(#"{"op":"msg","topic":"clicks","epoch":"k"#), "\(first)")
                #expect(JSONField.integer("data", in: first.data) == 6)
                #expect(first.id?.hasSuffix(":1") == true)
                try await self.publish("5", to: "clicks", broker)
                let second = try await events.next()
                #expect(JSONField.integer("data", in: second.data) == 11)
                #expect(second.id?.hasSuffix(":2") == true)
            }
        }
    }

    @Test func whoComesBackAtTheSamePositionIsNotToldAgain() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("6", to: "clicks", broker)
            let id = try await Self.listen("/topics/clicks", [:], broker) { try await $0.next().id }
            let fields = ["Last-Event-ID": try #require(id)]
            try await Self.listen("/topics/clicks", fields, broker) { events async throws in
                try await self.publish("5", to: "clicks", broker)
                #expect(JSONField.integer("data", in: try await events.next().data) == 11)
            }
        }
    }

    @Test func aStreamOfManyTopicsHasNoIDs() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("6", to: "clicks/a", broker)
            try await Self.listen("/topics?filter=clicks/%23&mode=all", [:], broker) { events async throws in
                let first = try await events.next()
                #expect(first.id == nil)
                #expect(first.data.contains(#""retained":true"#))
                for number in 1...20 { try await self.publish("1", to: "clicks/\(number % 2)", broker) }
                for number in 1...20 {
                    let event = try await events.next()
                    #expect(JSONField.string("topic", in: event.data) == "clicks/\(number % 2)")
                }
            }
        }
    }

    @Test func aLineBreakInDataStaysInOneEvent() async throws {
        try await TestBroker.run { broker async throws in
            try await Self.listen("/topics/news?mode=all", [:], broker) { events async throws in
                try await self.publish("{\"a\":\r\n1,\n\"b\":2}", to: "news", broker)
                let event = try await events.next()
                #expect(event.data.hasSuffix(#""data":{"a":  1, "b":2}}"#), "\(event)")
            }
        }
    }

    @Test func aDeletionIsAnEventAndTheStreamGoesOn() async throws {
        let rights = #"["publish","subscribe","admin"]"#
        try await TestBroker.run(rights: rights) { broker async throws in
            try await self.publish("6", to: "clicks", broker)
            try await Self.listen("/topics/clicks", [:], broker) { events async throws in
                _ = try await events.next()
                #expect(try await HTTPExchange.send("DELETE /topics/clicks", port: broker.port).status == 200)
                #expect(try await events.next().data.contains(#""data":0,"deleted":true"#))
                try await self.publish("3", to: "clicks", broker)
                #expect(JSONField.integer("data", in: try await events.next().data) == 3)
            }
        }
    }

    @Test func streamsHaveALimitAndOneThatEndsMakesRoom() async throws {
        try await TestBroker.run(settings: ["limits.streams=1"]) { broker async throws in
            let fields = ["Accept": "text/event-stream"]
            try await Self.listen("/topics/clicks", [:], broker) { events async throws in
                let second = try await HTTPExchange.send("GET /topics/clicks", fields, port: broker.port)
                #expect(second.status == 503)
                #expect(second.headers["retry-after"] != nil)
                #expect(JSONField.string("name", in: second.body) == "limit_reached")
            }
            var status = 503
            while status == 503 {
                status = try await HTTPExchange.send("GET /topics/clicks?after=k:0&wait=0", port: broker.port).status
            }
            #expect(status == 404)
        }
    }

    @Test func aStreamThatMayNotBeIsRefusedBeforeItBegins() async throws {
        try await TestBroker.run(rights: #"["publish"]"#) { broker async throws in
            let fields = ["Accept": "text/event-stream"]
            #expect(try await HTTPExchange.send("GET /topics/a", fields, port: broker.port).status == 403)
            #expect(try await HTTPExchange.send("GET /topics", fields, port: broker.port).status == 403)
        }
    }

    /// It would say nothing for ever. A browser that comes again is refused, and then comes no more.
    @Test func aStreamThatMayNotBeAnyMoreSaysWhyAndEnds() async throws {
        for path in ["/topics/clicks", "/topics?filter=%23"] {
            try await TestBroker.run(rights: #"["publish","subscribe"]"#) { broker async throws in
                try await self.publish("6", to: "clicks", broker)
                try await Self.listen(path, [:], broker) { events async throws in
                    #expect(JSONField.integer("data", in: try await events.next().data) == 6)
                    try broker.rewrite { $0.replacing(#","subscribe""#, with: "") }
                    #expect(try await AccessFixture.reload(broker) == 200)
                    let end = try await events.next()
                    #expect(end.name == "bye")
                    #expect(JSONField.integer("code", in: end.data) == 4103, "\(end)")
                    await #expect(throws: WireClient.ClientError.self) { try await events.next() }
                }
                let again = ["Accept": "text/event-stream"]
                #expect(try await HTTPExchange.send("GET \(path)", again, port: broker.port).status == 403)
            }
        }
    }

    @Test func aStoppingBrokerEndsItsStreams() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let (broker, port) = try await ChildProcess.broker(in: folder)
        try await WireClient.runRaw(port: port) { client async throws in
            let request = HTTPExchange.text("GET /topics/clicks", ["Accept": "text/event-stream"])
            try await client.send(raw: Array(request.utf8))
            _ = try await client.head()
            broker.signal(SIGTERM)
            _ = await client.rest()
        }
        #expect(await broker.wait().status == 0)
    }

    // MARK: Long poll

    @Test func aLongPollIsAnsweredWhenTheTopicMoves() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("6", to: "clicks", broker)
            let read = try await HTTPExchange.send("GET /topics/clicks", port: broker.port)
            let position = (read.headers["etag"] ?? "").filter { $0 != "\"" }
            async let waiting = HTTPExchange.send("GET /topics/clicks?after=\(position)&wait=30", port: broker.port)
            try await self.publish("5", to: "clicks", broker)
            let news = try await waiting
            #expect(news.status == 200)
            #expect(JSONField.integer("data", in: news.body) == 11)
            // It has passed already, or is of another life.
            for after in [position, "k:99"] {
                let line = "GET /topics/clicks?after=\(after)&wait=30"
                #expect(try await HTTPExchange.send(line, port: broker.port).status == 200)
            }
        }
    }

    /// Who has asked everything is not timed any more.
    @Test func aLongPollMayTakeLongerThanAHandshake() async throws {
        try await TestBroker.run(settings: ["limits.handshakeTimeout=5s"]) { broker async throws in
            try await self.publish("6", to: "clicks", broker)
            let read = try await HTTPExchange.send("GET /topics/clicks", port: broker.port)
            let position = (read.headers["etag"] ?? "").filter { $0 != "\"" }
            let nothing = try await HTTPExchange.send("GET /topics/clicks?after=\(position)&wait=6", port: broker.port)
            #expect(nothing.status == 204)
        }
    }

    /// The newest value always comes, and what lies between does not pile up anywhere.
    @Test func aStreamThatIsNotReadSkipsValues() async throws {
        let count = 3000
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.port, receiveBuffer: 4096) { client async throws in
                // Long names fill the sockets on the way the sooner.
                let topic = "clicks/" + String(repeating: "x", count: 240)
                let fields = ["Accept": "text/event-stream", "Connection": "keep-alive"]
                try await client.send(raw: Array(HTTPExchange.text("GET /topics/\(topic)", fields).utf8))
                _ = try await client.head()
                try await WireClient.run(port: broker.port) { publisher async throws in
                    let publish = #"{"op":"pub","id":1,"topic":"\#(topic)","data":1}"#
                    for _ in 0..<count / 100 {
                        try await publisher.send(Array(repeating: publish, count: 100))
                        for _ in 0..<100 { _ = try await publisher.receive() }
                    }
                }
                let events = EventReader(client)
                var seen = 0
                var value = 0
                while value < count {
                    value = JSONField.integer("data", in: try await events.next().data) ?? 0
                    seen += 1
                }
                #expect(value == count)
                #expect(seen < count, "it has seen \(seen)")
            }
        }
    }

    @Test func aLongPollThatWaitsInVainIsAnsweredWithNothing() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish("6", to: "clicks", broker)
            let read = try await HTTPExchange.send("GET /topics/clicks", port: broker.port)
            let position = (read.headers["etag"] ?? "").filter { $0 != "\"" }
            for wait in [0, 1] {
                let line = "GET /topics/clicks?after=\(position)&wait=\(wait)"
                let nothing = try await HTTPExchange.send(line, port: broker.port)
                #expect(nothing.status == 204)
                #expect(nothing.body.isEmpty)
            }
            for query in ["after=k3", "after=:1", "after=k3:x", "after=k3:1&wait=x", "after=k3:1&wait=-1"] {
                #expect(try await HTTPExchange.send("GET /topics/clicks?\(query)", port: broker.port).status == 400)
            }
        }
    }
}

/// Reads events from a chunked answer.
private actor EventReader {
    struct Event: Sendable {
        var name: String?
        var id: String?
        var data: String
    }

    private let client: WireClient
    private var buffer = ""

    init(_ client: WireClient) { self.client = client }

    /// The next event that has data.
    func next() async throws -> Event {
        while true {
            if let end = self.buffer.range(of: "\n\n") {
                let text = String(self.buffer[..<end.lowerBound])
                self.buffer.removeSubrange(..<end.upperBound)
                let lines = text.components(separatedBy: "\n")
                let data = lines.filter { $0.hasPrefix("data: ") }.map { $0.dropFirst(6) }.joined(separator: "\n")
                guard !data.isEmpty else { continue }
                let id = lines.first { $0.hasPrefix("id: ") }.map { String($0.dropFirst(4)) }
                let name = lines.first { $0.hasPrefix("event: ") }.map { String($0.dropFirst(7)) }
                return Event(name: name, id: id, data: data)
            }
            self.buffer += try await self.client.chunk()
        }
    }
}
