import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// What becomes of those who do not read, where their socket holds ciphertext.
@Suite("Slow readers over TLS", .timeLimit(.minutes(5)))
struct SlowTLSReaderTests {
    private static let text = String(repeating: "x", count: 60_000)

    private static func publish(_ numbers: ClosedRange<Int>, _ client: WireClient) async throws {
        for number in numbers {
            let request = #"{"op":"pub","id":\#(number),"topic":"news","data":"\#(number) \#(Self.text)"}"#
            let answer = try await client.ask(request)
            #expect(answer.contains(#""op":"ack""#), "\(answer.prefix(200))")
        }
    }

    /// The number of a message that has all of its text.
    private static func number(_ message: String) throws -> Int {
        let words = try #require(JSONField.string("data", in: message)).split(separator: " ")
        #expect(words.count == 2 && words[1] == Self.text)
        return try #require(Int(words[0]))
    }

    /// How many messages come in order before the Close, and its code.
    private static func receiveToTheEnd(_ client: WireClient) async throws -> (Int, CloseCode?) {
        var received = 0
        do {
            while true {
                let number = try Self.number(try await client.receive())
                received += 1
                #expect(number == received)
            }
        } catch WireClient.ClientError.closed(let code) {
            return (received, code)
        }
    }

    /// Much more than the socket takes at once; the answer to a last request comes behind it.
    @Test func whatTheSocketDoesNotTakeAtOnceArrivesWholeAndInOrder() async throws {
        try await ListenerTLSTests.withBroker(["limits.outboxBytes=32MiB"]) { broker, certificates in
            let tls = try WireTLS(authority: certificates.certificate("ca"))
            try await WireClient.run(port: broker.port, receiveBuffer: 4096, tls: tls) { slow async throws in
                _ = try await slow.ask(#"{"op":"sub","id":1,"topic":"news"}"#)
                try await WireClient.run(port: broker.port, tls: tls) { publisher async throws in
                    try await Self.publish(1...150, publisher)
                }
                for expected in 1...150 { #expect(try Self.number(try await slow.receive()) == expected) }
                #expect(try await slow.ask(#"{"op":"ping","id":2}"#) == #"{"op":"pong","id":2}"#)
            }
        }
    }

    @Test func oneThatFallsTooFarBehindIsClosedAfterWhatWaitsAndOthersGoOn() async throws {
        // It reads again only when everything is published, which may take longer than it would have for the Close.
        let settings = ["limits.outboxBytes=128KiB", "limits.closeTimeout=5m"]
        try await ListenerTLSTests.withBroker(settings) { broker, certificates in
            let tls = try WireTLS(authority: certificates.certificate("ca"))
            try await WireClient.run(port: broker.port, receiveBuffer: 4096, tls: tls) { slow async throws in
                _ = try await slow.ask(#"{"op":"sub","id":1,"topic":"news"}"#)
                try await WireClient.run(port: broker.port, tls: tls) { quick async throws in
                    _ = try await quick.ask(#"{"op":"sub","id":1,"topic":"news"}"#)
                    try await WireClient.run(port: broker.port, tls: tls) { publisher async throws in
                        for number in 1...150 {
                            try await Self.publish(number...number, publisher)
                            #expect(try Self.number(try await quick.receive()) == number)
                        }
                    }
                }
                let (received, code) = try await Self.receiveToTheEnd(slow)
                #expect(code == CloseCode(.slowConsumer))
                #expect(received > 1 && received < 150)
            }
        }
    }
}
