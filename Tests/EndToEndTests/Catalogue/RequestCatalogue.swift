import BrokerTestKit
import BrokerWire
import Testing

/// What the sections about requests share: a text goes in, and one answer comes out.
enum RequestCatalogue {
    enum Answer: Sendable, Hashable {
        /// An error frame with this code whose text holds `text`; the connection goes on.
        case refused(ErrorCode, _ text: String = "")
        /// The same, and then the connection is closed with the code.
        case closed(ErrorCode)
        /// An answer that is no error and holds `text`.
        case taken(_ text: String = "")
    }

    typealias Case = CatalogueCase<String, Answer>

    private static let topics = """
        [{"topic":"sum","aggregate":"sum"},{"topic":"whole","aggregate":"sum","number":"int"},
         {"topic":"count","aggregate":"count"},{"topic":"max","aggregate":"max"},
         {"topic":"strict","aggregate":"sum","strict":true},{"topic":"long","aggregate":"sum"}]
        """

    /// Sends each case on a connection of its own that speaks envelopes, and shows that the connection and the sum are
    /// as before.
    static func check(_ cases: [Case]) async throws {
        try await TestBroker.run(topics: Self.topics) { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.ask(Self.publish("5", to: "sum")).contains(#""data":5"#))
            }
            for one in cases {
                try await WireClient.run(port: broker.port) { client async throws in
                    #expect(try await client.ask(#"{"op":"ping","id":1}"#) == #"{"op":"pong","id":1}"#)
                    try await Self.check(one, client)
                }
            }
        }
    }

    private static func check(_ one: Case, _ client: WireClient) async throws {
        let answer = try await client.ask(one.input)
        switch one.expected {
        case .refused(let code, let text):
            #expect(JSONField.integer("code", in: answer) == Int(code.rawValue), "\(one.number): \(answer)")
            #expect(JSONField.string("name", in: answer) == "\(code.name)", "\(one.number)")
            #expect(answer.contains(text), "\(one.number): \(answer)")
            let sum = try await client.ask(#"{"op":"get","id":1,"topic":"sum"}"#)
            #expect(JSONField.integer("data", in: sum) == 5, "\(one.number): \(sum)")
        case .closed(let code):
            #expect(JSONField.integer("code", in: answer) == Int(code.rawValue), "\(one.number): \(answer)")
            #expect(try await client.closeCode() == CloseCode(code), "\(one.number)")
        case .taken(let text):
            #expect(JSONField.string("op", in: answer) != "err", "\(one.number): \(answer)")
            #expect(answer.contains(text), "\(one.number): \(answer)")
            // A subscription may have more to say before.
            try await client.send(#"{"op":"ping","id":"last"}"#)
            while try await client.receive() != #"{"op":"pong","id":"last"}"# {}
        }
    }

    /// A publish to `topic`.
    static func publish(_ data: String, to topic: String = "news") -> String {
        #"{"op":"pub","id":9,"topic":"\#(topic)","data":\#(data)}"#
    }
}
