import BrokerTestKit
import BrokerWire
import Foundation
import NIOCore
import NIOSSL
import Testing

/// The broker's own TLS: `wss` and `https` on the port for clients.
@Suite("TLS of the listener", .timeLimit(.minutes(5)))
struct ListenerTLSTests {
    /// Runs a broker with the certificate `server`.
    static func withBroker(
        _ settings: [String] = [],
        _ body: @escaping @Sendable (TestBroker, TestCertificates) async throws -> Void
    ) async throws {
        let certificates = try await TestCertificates.make()
        try await TestBroker.run(settings: Self.settings(certificates) + settings) { broker async throws in
            try await body(broker, certificates)
        }
    }

    static func settings(_ certificates: TestCertificates) -> [String] {
        [
            "listen.tls.certificate=\(certificates.certificate("server"))",
            "listen.tls.key=\(certificates.key("server"))",
        ]
    }

    private static func publish(_ data: Int, _ client: WireClient) async throws -> String {
        try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":\#(data)}"#)
    }

    @Test(arguments: [WireTLS.Version.one2, .one3])
    func aWebSocketIsServedAndItsCloseIsAnswered(newest: WireTLS.Version) async throws {
        try await Self.withBroker { broker, certificates in
            let tls = try WireTLS(authority: certificates.certificate("ca"), newest: newest)
            try await WireClient.run(port: broker.port, tls: tls) { client async throws in
                #expect(try await Self.publish(5, client).contains(#""data":5"#))
                let version = try await client.channel.nioSSL_tlsVersion().get()
                #expect(version == (newest == .one2 ? .tlsv12 : .tlsv13))
                try await client.send(.close, [0x03, 0xE8])
                #expect(try await client.closeCode() == .normal)
                // Returns when the connection has ended too.
                _ = await client.rest()
            }
        }
    }

    @Test(arguments: ["wspub", "wssub"]) func aToolThatSpeaksNoTLSIsToldOfIt(tool: String) async throws {
        try await Self.withBroker { broker, _ in
            let arguments = ["-L", "ws://localhost:\(broker.port)/clicks"] + (tool == "wspub" ? ["-m", "1"] : [])
            let end = await (try ChildProcess(tool, arguments)).wait()
            #expect(end.status == 3)
            #expect(end.errors.contains("does the port speak TLS (wss://)?"), "\(end.errors)")
        }
    }

    @Test func anythingBelowTLS12IsRefused() async throws {
        try await Self.withBroker { broker, certificates in
            let old = try WireTLS(authority: certificates.certificate("ca"), newest: .one1)
            await #expect(throws: (any Error).self) { try await WireClient.run(port: broker.port, tls: old) { _ in } }
        }
    }

    @Test func plainRequestsAreServedOverTLSToo() async throws {
        try await Self.withBroker { broker, certificates in
            let tls = try WireTLS(authority: certificates.certificate("ca"))
            try await WireClient.runRaw(port: broker.port, tls: tls) { client async throws in
                let post = HTTPExchange.text("POST /topics/clicks", [:], "7")
                try await client.send(raw: Array(post.utf8))
                let answer = await client.rest()
                #expect(answer.hasPrefix("HTTP/1.1 200 ") && answer.contains(#""data":7"#), "\(answer)")
            }
            // The certificate shows whose name it is; no name has to be listed.
            try await WireClient.runRaw(port: broker.port, tls: tls) { client async throws in
                let get = HTTPExchange.text("GET /topics", ["Host": "broker.example.com"])
                try await client.send(raw: Array(get.utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 200 "))
            }
            try await WireClient.runRaw(port: broker.port, tls: tls) { client async throws in
                try await client.send(raw: Array("no HTTP at all\r\n\r\n".utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 400 "))
            }
        }
    }

    @Test func theBrokerClosesOverTLSAsItDoesWithout() async throws {
        try await Self.withBroker { broker, certificates in
            let tls = try WireTLS(authority: certificates.certificate("ca"))
            try await WireClient.run(port: broker.port, tls: tls) { client async throws in
                try await client.send(.binary, [1])
                #expect(try await client.closeCode() == .unsupportedData)
            }
            // A client that has shut its side is let go.
            try await WireClient.run(port: broker.port, tls: tls) { client async throws in
                #expect(try await Self.publish(1, client).contains(#""data":1"#))
                try await client.channel.close(mode: .output).get()
                _ = await client.rest()
            }
        }
    }

    /// More than the socket and TLS hold: the totals between are not kept, and the newest comes.
    @Test func aSlowReaderGetsTheNewestTotal() async throws {
        try await Self.withBroker { broker, certificates in
            let tls = try WireTLS(authority: certificates.certificate("ca"))
            try await WireClient.run(port: broker.port, receiveBuffer: 4096, tls: tls) { slow async throws in
                _ = try await slow.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
                let count = 20_000
                try await WireClient.run(port: broker.port, tls: tls) { publisher async throws in
                    for _ in 0..<(count / 200) {
                        let one = #"{"op":"pub","id":1,"topic":"clicks","data":1}"#
                        try await publisher.send(Array(repeating: one, count: 200))
                        for _ in 0..<200 { _ = try await publisher.receive() }
                    }
                }
                var value = 0
                while value < count { value = JSONField.integer("data", in: try await slow.receive()) ?? value }
                #expect(value == count)
                #expect(try await Self.publish(1, slow).contains("20001"))
            }
        }
    }

    /// A message of many records, both ways.
    @Test func largeMessagesArriveWhole() async throws {
        try await Self.withBroker(["limits.messageBytes=1MiB"]) { broker, certificates in
            let tls = try WireTLS(authority: certificates.certificate("ca"))
            try await WireClient.run(port: broker.port, tls: tls) { client async throws in
                let text = String(repeating: "x", count: 1_000_000)
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"a","retain":true,"data":"\#(text)"}"#)
                let answer = try await client.ask(#"{"op":"get","id":2,"topic":"a"}"#)
                #expect(answer.contains(text) && answer.count < 1_001_000)
            }
        }
    }

    // MARK: H21-H23

    /// H23: who speaks the other thing is sent away, and the log is not his.
    @Test func whoSpeaksPlainToTLSOrTLSToPlainIsClosedWithoutALine() async throws {
        let certificates = try await TestCertificates.make()
        for isSecure in [true, false] {
            let folder = try TestBroker.makeFolder()
            defer { try? FileManager.default.removeItem(at: folder) }
            let settings = isSecure ? Self.settings(certificates).flatMap { ["--set", $0] } : []
            let (broker, port) = try await ChildProcess.broker(in: folder, settings)
            for _ in 0..<20 {
                try await WireClient.runRaw(port: port) { client async throws in
                    let hello: [UInt8] = [0x16, 0x03, 0x01, 0x00, 0xF4, 0x01, 0x00, 0x00, 0xF0, 0x03, 0x03]
                    let plain = Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8)
                    try? await client.send(raw: isSecure ? plain : hello + Array(repeating: 7, count: 300))
                    let answer = await client.rest()
                    #expect(isSecure ? !answer.contains("200 OK") : answer.hasPrefix("HTTP/1.1 400 "), "\(answer)")
                }
            }
            broker.signal(SIGTERM)
            let end = await broker.wait()
            #expect(end.status == 0)
            let lines = end.errors.split(separator: "\n").filter { !$0.contains(" notice ") && !$0.contains("NOTICE") }
            #expect(lines.isEmpty, "\(end.errors)")
        }
    }

    /// The time for the first request begins with the connection, not after TLS.
    @Test(arguments: [[], [0x16, 0x03, 0x01, 0x00, 0xF4]] as [[UInt8]])
    func whoDoesNotFinishTheHandshakeInTimeIsCut(start: [UInt8]) async throws {
        try await Self.withBroker(["limits.handshakeTimeout=100ms"]) { broker, certificates in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                if !start.isEmpty { try await client.send(raw: start) }
                // Returns when the broker has closed.
                _ = await client.rest()
            }
            let tls = try WireTLS(authority: certificates.certificate("ca"))
            // On a busy machine TLS alone takes longer than that.
            try? await WireClient.runRaw(port: broker.port, tls: tls) { client async throws in
                try await client.send(raw: Array("GET / HT".utf8))
                _ = await client.rest()
            }
        }
    }

    // MARK: Client certificates

    @Test func whoHasToShowACertificateIsLetInWithOne() async throws {
        let certificates = try await TestCertificates.make()
        let authorities = "listen.tls.clientAuthorities=\(certificates.certificate("ca"))"
        let settings = Self.settings(certificates) + [authorities, "listen.tls.clients=required"]
        try await TestBroker.run(settings: settings) { broker async throws in
            let ca = certificates.certificate("ca")
            func tls(_ name: String?) throws -> WireTLS {
                let (file, key) = (name.map(certificates.certificate), name.map(certificates.key))
                return try WireTLS(authority: ca, certificate: file, key: key)
            }
            try await WireClient.run(port: broker.port, tls: tls("client")) { client async throws in
                #expect(try await Self.publish(1, client).contains(#""data":1"#))
            }
            try await WireClient.runRaw(port: broker.port, tls: tls("client")) { client async throws in
                try await client.send(raw: Array(HTTPExchange.text("POST /topics/clicks", [:], "0").utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 200 "))
            }
            for name in [nil, "stranger"] {
                await #expect(throws: (any Error).self) {
                    try await WireClient.run(port: broker.port, tls: tls(name)) { _ in }
                }
            }
            // Nobody else would know of them.
            let failed = "wsbroker_turned_away_total{reason=\"handshake\"} 2.0\n"
            while !(try await HTTPExchange.send("GET /metrics", port: broker.adminPort).body.contains(failed)) {}
            // As its owner shows it, with the tools.
            let url = "wss://localhost:\(broker.port)/clicks"
            let shown = ["--cert", certificates.certificate("client"), "--key-file", certificates.key("client")]
            let end = try await ChildProcess("wspub", ["-L", url, "--cafile", ca, "-m", "6"] + shown).wait()
            #expect(end == (0, "7\n", ""))
        }
    }
}
