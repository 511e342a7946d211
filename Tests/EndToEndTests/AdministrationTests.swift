import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// `wsbroker topics|connections|reset|delete|kick`, and the routes behind them, against a running broker.
@Suite("Administration", .timeLimit(.minutes(5)))
struct AdministrationTests {
    private typealias End = (status: Int32, output: String, errors: String)

    private func wsbroker(_ arguments: [String], _ broker: TestBroker) async throws -> End {
        let options = ["--set", "admin.port=\(broker.adminPort)"]
        return await (try ChildProcess("wsbroker", arguments + options, in: broker.folder)).wait()
    }

    private func publish(_ topics: [String], _ broker: TestBroker) async throws {
        try await WireClient.run(port: broker.port) { client async throws in
            for topic in topics {
                let answer = try await client.ask(#"{"op":"pub","id":1,"topic":"\#(topic)","data":5}"#)
                #expect(answer.contains(#""op":"ack""#), "\(answer)")
            }
        }
    }

    private func value(_ topic: String, _ broker: TestBroker) async throws -> String {
        try await WireClient.run(port: broker.port) { client async throws in
            try await client.ask(#"{"op":"get","id":1,"topic":"\#(topic)"}"#)
        }
    }

    @Test func topicsAreListedAsATableAndAsJSON() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish(["clicks/b", "clicks/a", "clicks"], broker)
            let table = try await self.wsbroker(["topics", "clicks/+"], broker)
            #expect(table.status == 0, "\(table.errors)")
            let lines = table.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
            #expect(lines.map(\.first) == ["TOPIC", "clicks/a", "clicks/b"])
            #expect(lines.dropFirst().map { [$0[1], $0[2], $0[4]] } == [["sum", "1", "5"], ["sum", "1", "5"]])
            let json = try await self.wsbroker(["topics", "--limit", "2", "--json"], broker)
            let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
            let topics = object?["topics"] as? [[String: Any]]
            #expect(topics?.map { $0["topic"] as? String } == ["clicks", "clicks/a"])
            #expect(object?["next"] as? String == "clicks/a")
            let rest = try await self.wsbroker(["topics", "--after", "clicks/a"], broker)
            #expect(rest.output.contains("clicks/b") && !rest.output.contains("clicks/a "))
        }
    }

    @Test func connectionsSayWhoIsThere() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                let hello = #"{"op":"hello","v":1,"client":"test/1","producer":{"name":"meter"}}"#
                let session = JSONField.string("session", in: try await client.ask(hello)) ?? ""
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
                _ = try await client.ask(#"{"op":"pub","seq":1,"topic":"news","data":5}"#)
                let json = try await self.wsbroker(["connections", "--json"], broker)
                let list = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [[String: Any]]
                #expect(list?.count == 1)
                let one = list?.first ?? [:]
                #expect(one["session"] as? String == session)
                #expect(one["client"] as? String == "test/1")
                #expect(one["producer"] as? String == "meter")
                #expect(one["principal"] as? String == "anonymous")
                #expect((one["address"] as? String)?.hasPrefix("127.0.0.1:") == true)
                #expect(one["subscriptions"] as? Int == 1)
                #expect(one["published"] as? Int == 1)
                #expect((one["since"] as? Int ?? 0) > 1_600_000_000_000)
                let table = try await self.wsbroker(["connections"], broker)
                #expect(table.output.contains(session) && table.output.contains("127.0.0.1:"), "\(table)")
            }
        }
    }

    @Test func aTopicIsResetAndItsSubscribersAreTold() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish(["clicks"], broker)
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
                let end = try await self.wsbroker(["reset", "clicks"], broker)
                #expect(end.output == "clicks is reset; its offset is 2\n", "\(end)")
                #expect(try await client.receive().contains(#""offset":2,"#))
            }
            let nothing = try await self.wsbroker(["reset", "nothing"], broker)
            #expect(nothing.status == 1)
            #expect(nothing.errors.contains("the topic has no aggregate"))
        }
    }

    @Test func topicsAreDeletedForGood() async throws {
        try await TestBroker.run { broker async throws in
            try await self.publish(["clicks/a", "clicks/b", "clicks"], broker)
            let before = try await self.value("clicks/a", broker)
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks/a"}"#)
                let end = try await self.wsbroker(["delete", "clicks/+"], broker)
                #expect(end.output == "2 topics deleted\n", "\(end)")
                #expect(try await client.receive().contains(#""data":0,"deleted":true"#))
            }
            #expect(try await self.value("clicks/b", broker).contains("no_value"))
            #expect(try await self.value("clicks", broker).contains(#""data":5"#))
            try await self.publish(["clicks/a"], broker)
            let after = try await self.value("clicks/a", broker)
            #expect(JSONField.string("epoch", in: after) != JSONField.string("epoch", in: before))
        }
    }

    /// Of a stopped broker, too: positions are not used again.
    @Test func aForgottenTopicComesBackInAnotherLife() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        var epochs: [String] = []
        for _ in 0..<3 {
            let (broker, port) = try await ChildProcess.broker(in: folder)
            let epoch = try await WireClient.run(port: port) { client async throws in
                let get = #"{"op":"get","id":1,"topic":"clicks"}"#
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":5}"#)
                return JSONField.string("epoch", in: try await client.ask(get))
            }
            epochs.append(try #require(epoch))
            broker.signal(SIGTERM)
            #expect(await broker.wait().status == 0)
            let forget = try ChildProcess("wsbroker", ["store", "forget", "clicks", "--store", "store.db"], in: folder)
            #expect(await forget.wait().status == 0)
        }
        #expect(Set(epochs).count == 3, "\(epochs)")
    }

    @Test func aConnectionIsKickedWithAReason() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                let welcome = try await client.ask(#"{"op":"hello","v":1}"#)
                let session = try #require(JSONField.string("session", in: welcome))
                let end = try await self.wsbroker(["kick", session], broker)
                #expect(end.status == 0, "\(end)")
                #expect(try await client.closeCode() == .policy)
            }
            let nobody = try await self.wsbroker(["kick", "0.99.0"], broker)
            #expect(nobody.status == 1)
            #expect(nobody.errors.contains("there is no session '0.99.0'"))
        }
    }

    @Test func withoutABrokerTheCommandsSayWhereTheyLooked() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let end = await (try ChildProcess("wsbroker", ["topics", "--set", "admin.port=1"], in: folder)).wait()
        #expect(end.status == 69)
        #expect(end.errors.contains("no broker answers at http://127.0.0.1:1"))
    }

    /// A page in a browser must not be able to look, still less to delete.
    @Test(arguments: [
        ("GET /topics", "Origin: http://evil.example", 403), ("GET /connections", "Host: evil.example", 403),
        ("GET /topics", "Host: 127.0.0.1:8182", 200), ("GET /topics", "Host: wsbroker:8182", 200),
        ("GET /topics?filter=a%2F%23%2Fb", "Accept: a", 400), ("GET /topics?limit=0", "Accept: a", 400),
        ("GET /topics?limit=1001", "Accept: a", 400), ("GET /topics?limit=1000", "Accept: a", 200),
        ("POST /delete", "Content-Type: text/plain", 415), ("POST /kick", "Content-Type: application/json", 400),
        ("POST /topics", "Accept: a", 405), ("GET /delete", "Accept: a", 405), ("HEAD /topics", "Accept: a", 405),
    ])
    func requestsOfPagesAndWrongOnesAreRefused(line: String, field: String, status: Int) async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.adminPort) { client async throws in
                let host = field.hasPrefix("Host") ? "" : "Host: localhost\r\n"
                let head = "\(line) HTTP/1.1\r\n\(host)\(field)\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                try await client.send(raw: Array(head.utf8))
                let answer = await client.rest()
                #expect(answer.hasPrefix("HTTP/1.1 \(status) "), "\(answer)")
            }
        }
    }
}
