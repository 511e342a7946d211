import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// What a broker logs, and what it does not.
@Suite("Logs", .timeLimit(.minutes(5)))
struct LogTests {
    private static let topics = """
        {"topics":[{"topic":"clicks","aggregate":"sum"},{"topic":"read-only","from":"clicks","aggregate":"max"},
         {"topic":"by-page/{key}","from":"visits","aggregate":"count","key":"/page"},
         {"topic":"watched","aggregate":"sum","alerts":[{"name":"high","above":1,
          "raise":[{"to":"clicks","data":"secret-payload"},{"to":"alarms","data":"secret-payload"}]}]}],
         "log":{"level":"trace","format":"json"},
         "auth":{"tokens":"tokens.json","rules":[{"allow":["publish","subscribe","admin"]}]}}
        """
    /// With the SHA-256 of `secret-token`.
    private static let tokens =
        #"{"tokens":[{"name":"meter","sha256":"930bbdc51b6aed5c2a5678fd6e28dee7a05e8a4b643cfc0b4427c3efb86c0d94"}]}"#

    /// Good and bad ones, on a socket.
    private static let requests = [
        #"{"op":"hello","v":1,"client":"test/1","token":"secret-token","producer":{"name":"meter"}}"#,
        ##"{"op":"sub","id":1,"topic":"#"}"##,
        #"{"op":"pub","id":2,"topic":"clicks","data":"secret-payload"}"#,
        #"{"op":"pub","id":3,"topic":"news","data":{"text":"secret-payload"},"retain":true}"#,
        #"{"op":"pub","id":4,"topic":"visits","data":{"page":"a/b","user":"secret-payload"}}"#,
        #"{"op":"pub","id":5,"topic":"read-only","data":"secret-payload"}"#,
        #"{"op":"pub","id":6,"topic":"watched","data":5}"#,
        #"{"op":"pub","id":7,"topic":"a","data":"secret-payload"#,
        #"{"op":"secret-payload"}"#,
        #"{"op":"reset","id":8,"topic":"watched"}"#,
    ]

    private func talk(_ port: Int) async throws {
        try await WireClient.run(port: port) { client async throws in
            for request in Self.requests { try await client.send([request]) }
            // All of them have been judged when this is answered.
            try await client.send([#"{"op":"ping","id":9}"#])
            while !(try await client.receive()).contains("pong") {}
        }
        let fields = "Host: localhost\r\nAuthorization: Bearer secret-token\r\nConnection: close"
        let lines = ["GET /topics/clicks?token=secret-token", "POST /topics/clicks", "GET /nowhere?secret-payload"]
        for line in lines + ["DELETE /topics/news"] {
            try await WireClient.runRaw(port: port) { client async throws in
                let head = "\(line) HTTP/1.1\r\n\(fields)\r\nContent-Length: 16\r\n\r\n\"secret-payload\""
                try await client.send(raw: Array(head.utf8))
                _ = await client.rest()
            }
        }
    }

    @Test func noLineCarriesAPayloadOrAToken() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("config.json")
        try Data(Self.topics.utf8).write(to: file)
        try Data(Self.tokens.utf8).write(to: folder.appendingPathComponent("tokens.json"))
        let (broker, port) = try await ChildProcess.broker(in: folder, ["--config", "config.json"])
        for _ in 0..<3 { try await self.talk(port) }
        broker.signal(SIGHUP)
        broker.signal(SIGTERM)
        let end = await broker.wait()
        #expect(end.status == 0)
        #expect(!end.errors.contains("secret"), "\(end.errors)")
        let lines = end.errors.split(separator: "\n")
        for line in lines {
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String]
            #expect(object?["ts"] != nil && object?["level"] != nil && object?["msg"] != nil, "\(line)")
        }
        for message in [
            "the broker is ready", "a client came", "a client went", "an alert could not publish", "the broker stops",
            "the broker has stopped",
        ] {
            #expect(lines.contains { $0.contains("\"msg\":\"\(message)\"") }, "no '\(message)' in \(end.errors)")
        }
        // Who it was, too.
        for (message, name) in [("a topic was reset", "watched"), ("topics were deleted", "news")] {
            let line = lines.first { $0.contains("\"msg\":\"\(message)\"") } ?? ""
            #expect(line.contains("\"principal\":\"meter\"") && line.contains("\":\"\(name)\""), "\(message): \(line)")
        }
    }
}
