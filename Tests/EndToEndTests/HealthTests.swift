import BrokerTestKit
import BrokerWire
import Foundation
import Testing

#if canImport(FoundationNetworking)
import FoundationNetworking
#endif

/// What plain HTTP gets, on both ports.
@Suite("HTTP", .timeLimit(.minutes(5)))
struct HealthTests {
    private func get(_ path: String, port: Int, method: String = "GET") async throws -> (Int, String) {
        var request = URLRequest(url: try #require(URL(string: "http://127.0.0.1:\(port)\(path)")))
        request.httpMethod = method
        let (data, response) = try await URLSession.shared.data(for: request)
        return ((response as? HTTPURLResponse)?.statusCode ?? 0, String(decoding: data, as: UTF8.self))
    }

    /// What a handshake is answered if it is not taken.
    private static func refusal(port: Int, subprotocol: String? = nil) async -> String {
        do {
            try await WireClient.run(port: port, subprotocol: subprotocol) { _ in }
            return "accepted"
        } catch WireClient.ClientError.handshakeRefused(let answer) {
            return answer
        } catch {
            return "\(error)"
        }
    }

    @Test func theAdminListenerSaysThatTheBrokerLivesAndIsReady() async throws {
        try await TestBroker.run { broker async throws in
            #expect(try await self.get("/healthz", port: broker.adminPort) == (200, "{\"status\":\"ok\"}\n"))
            #expect(try await self.get("/readyz", port: broker.adminPort) == (200, "{\"status\":\"ready\"}\n"))
            #expect(try await self.get("/healthz", port: broker.adminPort, method: "POST").0 == 405)
            #expect(try await self.get("/nothing", port: broker.adminPort).0 == 404)
        }
    }

    @Test(.disabled(if: TestTLS.isOn, "URLSession is told no authority"))
    func thePortForClientsServesNoHealthAndSaysWhatItIs() async throws {
        try await TestBroker.run { broker async throws in
            #expect(try await self.get("/healthz", port: broker.port).0 == 404)
            #expect(try await self.get("/ws", port: broker.port).0 == 426)
            #expect(try await self.get("/", port: broker.port).0 == 200)
        }
    }

    @Test func aSubprotocolThatIsNotOursIsRefusedWithTheOneThatIs() async throws {
        try await TestBroker.run { broker async throws in
            let refusal = await Self.refusal(port: broker.port, subprotocol: "mqtt")
            #expect(refusal.hasPrefix("HTTP/1.1 400 "))
            #expect(refusal.contains("wsbroker.v1.json"))
            try await WireClient.run(port: broker.port, subprotocol: "wsbroker.v1.json") { client async throws in
                #expect(try await client.ask(#"{"op":"ping","id":1}"#) == #"{"op":"pong","id":1}"#)
            }
        }
    }

    @Test func theConnectionPastTheLimitIsSentAwayAndLetInWhenThereIsRoom() async throws {
        try await TestBroker.run(settings: ["limits.connections=1"]) { broker async throws in
            try await WireClient.run(port: broker.port) { first async throws in
                #expect(await Self.refusal(port: broker.port).hasPrefix("HTTP/1.1 503 "))
                #expect(try await HTTPExchange.send("GET /topics", port: broker.port).status == 503)
                #expect(try await first.ask(#"{"op":"ping"}"#) == #"{"op":"pong"}"#)
            }
            let metrics = try await HTTPExchange.send("GET /metrics", port: broker.adminPort).body
            #expect(metrics.contains("wsbroker_turned_away_total{reason=\"connections\"} 2.0\n"))
            // It has gone as soon as the broker has noticed.
            while await Self.refusal(port: broker.port) != "accepted" {}
        }
    }
}
