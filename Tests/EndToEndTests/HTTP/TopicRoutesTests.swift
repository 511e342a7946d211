import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Topics over HTTP, each request on a socket of its own.
@Suite("Topics over HTTP", .timeLimit(.minutes(5)))
struct TopicRoutesTests {
    private static let everything = #"["publish","subscribe","admin"]"#

    @Test func aPublishIsAnsweredWithTheTotalAndReadWithItsPosition() async throws {
        try await TestBroker.run { broker async throws in
            let first = try await HTTPExchange.send("POST /topics/clicks/page", body: " 6\n", port: broker.port)
            #expect(first.status == 200)
            #expect(first.body == "{\"offset\":1,\"data\":6}\n")
            let second = try await HTTPExchange.send("POST /topics/clicks/page", body: "5", port: broker.port)
            #expect(JSONField.integer("data", in: second.body) == 11)
            let read = try await HTTPExchange.send("GET /topics/clicks/page", port: broker.port)
            #expect(read.status == 200)
            #expect(read.headers["content-type"] == "application/json")
            #expect(read.body.hasPrefix(#"{"topic":"clicks/page","epoch":"k"#), "\(read.body)")
            #expect(JSONField.integer("offset", in: read.body) == 2)
            #expect(JSONField.integer("ts", in: read.body) != nil)
            let epoch = try #require(JSONField.string("epoch", in: read.body))
            #expect(read.headers["etag"] == "\"\(epoch):2\"")
            try await WireClient.run(port: broker.port) { client async throws in
                let answer = try await client.ask(#"{"op":"get","id":1,"topic":"clicks/page"}"#)
                #expect(JSONField.integer("data", in: answer) == 11)
            }
        }
    }

    @Test func whoHasTheNewestValueIsToldSo() async throws {
        try await TestBroker.run { broker async throws in
            _ = try await HTTPExchange.send("POST /topics/clicks", body: "6", port: broker.port)
            let read = try await HTTPExchange.send("GET /topics/clicks", port: broker.port)
            let tag = try #require(read.headers["etag"])
            for given in [tag, "W/\(tag)", "\"other\", \(tag)", "*"] {
                let again = try await HTTPExchange.send(
                    "GET /topics/clicks",
                    ["If-None-Match": given],
                    port: broker.port
                )
                #expect(again.status == 304, "\(given)")
                #expect(again.headers["etag"] == tag)
                #expect(again.body.isEmpty)
            }
            _ = try await HTTPExchange.send("POST /topics/clicks", body: "6", port: broker.port)
            let changed = try await HTTPExchange.send("GET /topics/clicks", ["If-None-Match": tag], port: broker.port)
            #expect(changed.status == 200)
        }
    }

    @Test func aHeadIsTheHeadOfTheAnswer() async throws {
        try await TestBroker.run { broker async throws in
            _ = try await HTTPExchange.send("POST /topics/clicks", body: "6", port: broker.port)
            let read = try await HTTPExchange.send("GET /topics/clicks", port: broker.port)
            let head = try await HTTPExchange.send("HEAD /topics/clicks", port: broker.port)
            #expect(head.status == 200)
            #expect(head.body.isEmpty)
            #expect(head.headers["content-length"] == "\(read.body.utf8.count)")
            #expect(head.headers["etag"] == read.headers["etag"])
            #expect(try await HTTPExchange.send("HEAD /topics/nothing", port: broker.port).status == 404)
            #expect(try await HTTPExchange.send("HEAD /topics", port: broker.port).status == 200)
        }
    }

    @Test func theSameKeyCountsOnceAndAnotherBodyIsAConflict() async throws {
        try await TestBroker.run { broker async throws in
            func publish(_ body: String, key: String) async throws -> HTTPExchange {
                try await HTTPExchange.send(
                    "POST /topics/clicks",
                    ["Idempotency-Key": key],
                    body: body,
                    port: broker.port
                )
            }
            #expect(try await publish("6", key: "a").body == "{\"offset\":1,\"data\":6}\n")
            let again = try await publish("6", key: "a")
            #expect(again.status == 200)
            #expect(again.body.contains(#""dup":true"#))
            #expect(try await publish("6", key: "\"a\"").body.contains(#""dup":true"#))
            let other = try await publish("7", key: "a")
            #expect(other.status == 409)
            #expect(JSONField.integer("code", in: other.body) == 4009)
            #expect(try await publish("1", key: String(repeating: "x", count: 65)).status == 400)
        }
    }

    @Test func aBodyHasTheMostBytesThatAMessageMayHaveAndNotOneMore() async throws {
        try await TestBroker.run(settings: ["limits.messageBytes=1KiB"]) { broker async throws in
            func publish(_ bytes: Int) -> String { "\"" + String(repeating: "x", count: bytes - 2) + "\"" }
            let line = "POST /topics/a"
            #expect(try await HTTPExchange.send(line, body: publish(1024), port: broker.port).status == 200)
            #expect(try await HTTPExchange.send(line, body: publish(1025), port: broker.port).status == 413)
        }
    }

    /// What it says is enough, however long that number is: nobody waits for the body.
    @Test(arguments: ["65537", "9223372036854775808", "18446744073709551615"])
    func whoSaysThatItsBodyIsTooLargeIsRefusedAtOnce(length: String) async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                let fields = ["Content-Type": "application/json", "Content-Length": length]
                try await client.send(raw: Array(HTTPExchange.text("POST /topics/a", fields).utf8))
                let head = try await client.head()
                #expect(head.hasPrefix("HTTP/1.1 413 ") && head.lowercased().contains("connection: close\r\n"))
            }
        }
    }

    @Test func whoAsksBeforeItSendsABodyIsToldToGoOnUnlessItIsTooLarge() async throws {
        @Sendable func head(_ length: String, version: String = "1.1") -> [UInt8] {
            let fields = "Host: localhost\r\nContent-Type: application/json\r\nExpect: 100-Continue\r\n"
            return Array("POST /topics/clicks HTTP/\(version)\r\n\(fields)Content-Length: \(length)\r\n\r\n".utf8)
        }
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                // Twice, because a connection serves more than one request.
                for _ in 1...2 {
                    try await client.send(raw: head("1"))
                    #expect(try await client.head().hasSuffix("HTTP/1.1 100 Continue\r\n\r\n"))
                    try await client.send(raw: Array("6".utf8))
                    #expect(try await client.head().hasPrefix("HTTP/1.1 200 "))
                }
            }
            for (length, version, status) in [("65537", "1.1", 413), ("1", "1.0", 200)] {
                try await WireClient.runRaw(port: broker.port) { client async throws in
                    try await client.send(raw: head(length, version: version))
                    if status == 200 { try await client.send(raw: Array("6".utf8)) }
                    #expect(try await client.head().contains(" \(status) "))
                }
            }
        }
    }

    /// Else it would stand in the middle of that answer.
    @Test func nobodyIsToldToGoOnWhileAnotherAnswerIsOnItsWay() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                let stream = HTTPExchange.text(
                    "GET /topics/clicks",
                    ["Accept": "text/event-stream", "Connection": "a"]
                )
                let fields = ["Expect": "100-continue", "Content-Type": "application/json", "Content-Length": "1"]
                let next = HTTPExchange.text("POST /topics/clicks", fields)
                try await client.send(raw: Array(stream.utf8))
                #expect(try await client.head().hasPrefix("HTTP/1.1 200 "))
                try await client.send(raw: Array(next.utf8))
                // Until the broker has read that, too.
                for number in 1...20 {
                    _ = try await HTTPExchange.send("POST /topics/clicks", body: "1", port: broker.port)
                    while !(try await client.chunk().contains("\"data\":\(number)")) {}
                }
            }
        }
    }

    @Test func aRetainedMessageIsKeptAndADeletedOneIsGone() async throws {
        try await TestBroker.run(rights: Self.everything) { broker async throws in
            _ = try await HTTPExchange.send("POST /topics/news", body: #"{"a":1}"#, port: broker.port)
            #expect(try await HTTPExchange.send("GET /topics/news", port: broker.port).status == 404)
            _ = try await HTTPExchange.send("POST /topics/news?retain", body: #"{"a":1}"#, port: broker.port)
            let read = try await HTTPExchange.send("GET /topics/news", port: broker.port)
            #expect(read.body.contains(#""data":{"a":1}"#))
            let gone = try await HTTPExchange.send("DELETE /topics/news", port: broker.port)
            #expect(gone.status == 200)
            #expect(gone.body == "{\"deleted\":1}\n")
            #expect(try await HTTPExchange.send("GET /topics/news", port: broker.port).status == 404)
            #expect(try await HTTPExchange.send("DELETE /topics/news", port: broker.port).status == 404)
        }
    }

    @Test func anonymousClientsDeleteNothingUnlessTheyMay() async throws {
        try await TestBroker.run { broker async throws in
            _ = try await HTTPExchange.send("POST /topics/clicks", body: "6", port: broker.port)
            let refused = try await HTTPExchange.send("DELETE /topics/clicks", port: broker.port)
            #expect(refused.status == 403)
            #expect(JSONField.string("name", in: refused.body) == "forbidden")
            #expect(try await HTTPExchange.send("GET /topics/clicks", port: broker.port).status == 200)
        }
        try await TestBroker.run(rights: #"["publish"]"#) { broker async throws in
            #expect(try await HTTPExchange.send("GET /topics/clicks", port: broker.port).status == 403)
            #expect(try await HTTPExchange.send("GET /topics", port: broker.port).status == 403)
            #expect(try await HTTPExchange.send("POST /topics/clicks", body: "6", port: broker.port).status == 200)
        }
    }

    @Test func levelsAreEncodedOneByOne() async throws {
        try await TestBroker.run { broker async throws in
            _ = try await HTTPExchange.send("POST /topics/clicks/%C3%A9%22%5C", body: "6", port: broker.port)
            try await WireClient.run(port: broker.port) { client async throws in
                let answer = try await client.ask(#"{"op":"get","id":1,"topic":"clicks/é\"\\"}"#)
                #expect(JSONField.integer("data", in: answer) == 6)
            }
            let list = try await HTTPExchange.send("GET /topics?filter=clicks/+", port: broker.port)
            #expect(list.body.hasPrefix(#"{"topics":[{"topic":"clicks/é\"\\","aggregate":"sum","#), "\(list.body)")
        }
    }

    @Test func topicsAreListedAPageAtATime() async throws {
        try await TestBroker.run { broker async throws in
            for name in ["a", "b", "c"] {
                _ = try await HTTPExchange.send("POST /topics/clicks/\(name)", body: "1", port: broker.port)
            }
            let first = try await HTTPExchange.send("GET /topics?filter=%23&limit=2", port: broker.port)
            #expect(JSONField.string("next", in: first.body) == "clicks/b")
            let rest = try await HTTPExchange.send("GET /topics?limit=2&after=clicks%2Fb", port: broker.port)
            #expect(rest.body.contains("clicks/c") && !rest.body.contains("clicks/b"))
            #expect(JSONField.string("next", in: rest.body) == nil)
        }
    }

    @Test(.disabled(if: TestTLS.isOn, "its own page is another one with TLS, see OriginPolicyTests"))
    func pagesOfOtherPlacesNeedToBeNamed() async throws {
        try await TestBroker.run(origins: #"["https://a.example"]"#) { broker async throws in
            func preflight(_ origin: String) async throws -> HTTPExchange {
                let fields = ["Origin": origin, "Access-Control-Request-Method": "POST"]
                return try await HTTPExchange.send("OPTIONS /topics/clicks", fields, port: broker.port)
            }
            let allowed = try await preflight("https://a.example")
            #expect(allowed.status == 204)
            #expect(allowed.headers["access-control-allow-origin"] == "https://a.example")
            #expect(allowed.headers["access-control-allow-methods"]?.contains("POST") == true)
            #expect(allowed.headers["access-control-allow-headers"]?.contains("Idempotency-Key") == true)
            for origin in ["https://b.example", "http://a.example", "https://a.example:444", "null"] {
                let refused = try await preflight(origin)
                #expect(refused.status == 403)
                #expect(refused.headers["access-control-allow-origin"] == nil)
                let fields = ["Origin": origin]
                let post = try await HTTPExchange.send("POST /topics/clicks", fields, body: "1", port: broker.port)
                #expect(post.status == 403)
            }
            for origin in ["https://a.example", "http://localhost"] {
                let fields = ["Origin": origin]
                let post = try await HTTPExchange.send("POST /topics/clicks", fields, body: "1", port: broker.port)
                #expect(post.status == 200, "\(post)")
            }
        }
    }
}
