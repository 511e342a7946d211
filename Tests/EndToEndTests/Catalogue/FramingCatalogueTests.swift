import BrokerTestKit
import BrokerWire
import Testing

/// Sections 5.2 and 5.3: frames, closing and UTF-8, as bytes on a socket after the handshake.
///
/// Left out: F29, F30, F32 (compression is declined). F15 and F24 are under the time-outs.
@Suite("Catalogue: framing, closing, UTF-8", .timeLimit(.minutes(5)))
struct FramingCatalogueTests {
    enum Answer: Sendable, Hashable {
        case closed(CloseCode)
        /// An error frame, and the connection goes on.
        case error(ErrorCode)
        /// Nothing but what an ordinary client gets.
        case kept
    }

    typealias Case = CatalogueCase<[UInt8], Answer>

    /// A masked frame with the first byte as it is given; the mask is zero, so that the payload can be read here.
    private static func frame(_ first: UInt8, _ payload: [UInt8] = []) -> [UInt8] {
        switch payload.count {
        case ..<126: [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
        case ..<65_536: [first, 0xFE, UInt8(payload.count >> 8), UInt8(payload.count & 0xFF), 0, 0, 0, 0] + payload
        default:
            [first, 0xFF] + (0..<8).map { UInt8(truncatingIfNeeded: payload.count >> (56 - 8 * $0)) } + [0, 0, 0, 0]
                + payload
        }
    }

    private static func text(_ text: String) -> [UInt8] { Self.frame(0x81, Array(text.utf8)) }

    private static func close(_ code: Int, _ reason: [UInt8] = []) -> [UInt8] {
        Self.frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    private static let ping = #"{"op":"ping"}"#

    private static let frames: [Case] = [
        Case("F1", [0x81, 0x0D] + Array(Self.ping.utf8), .closed(.protocolError)),
        Case("F2 first", Self.frame(0xC1, Array(Self.ping.utf8)), .closed(.protocolError)),
        Case("F2 second", Self.frame(0xA1, Array(Self.ping.utf8)), .closed(.protocolError)),
        Case("F2 third", Self.frame(0x91, Array(Self.ping.utf8)), .closed(.protocolError)),
        Case("F4 ping", Self.frame(0x09), .closed(.protocolError)),
        Case("F4 close", Self.frame(0x08), .closed(.protocolError)),
        Case("F5", Self.frame(0x89, Array(repeating: 0, count: 126)), .closed(.protocolError)),
        Case("F6", Self.frame(0x80, [0x31]), .closed(.protocolError)),
        Case("F7", Self.frame(0x01, [0x7B]) + Self.text(Self.ping), .closed(.protocolError)),
        Case("F8 five in two bytes", [0x81, 0xFE, 0, 5, 0, 0, 0, 0] + Array("{} {}".utf8), .closed(.protocolError)),
        Case("F8 in eight", [0x81, 0xFF, 0, 0, 0, 0, 0, 0, 0, 200, 0, 0, 0, 0], .closed(.protocolError)),
        Case("F9", [0x81, 0xFF, 0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0], .closed(.protocolError)),
        Case("F10", [0x81, 0xFF, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], .closed(.tooLarge)),
        Case("F11 one past, at the header", [0x81, 0xFF, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 0, 0], .closed(.tooLarge)),
        Case("F11 the largest", Self.text(Self.ping + String(repeating: " ", count: 65_536 - 13)), .kept),
        Case(
            "F12",
            Self.frame(0x01, Array(repeating: 0x20, count: 60_000))
                + Self.frame(0x80, Array(repeating: 0x20, count: 6000)),
            .closed(.tooLarge)
        ),
        Case(
            "F13 as many as allowed",
            Self.frame(0x01) + Self.empty(1022) + Self.frame(0x80, Array(Self.ping.utf8)),
            .kept
        ),
        Case("F13 one more", Self.frame(0x01) + Self.empty(1024), .closed(.policy)),
        Case("F14", Self.frame(0x01, [0x20]) + Self.small(1024), .closed(.policy)),
        Case("F18", Self.frame(0x88, [3]), .closed(.protocolError)),
        Case("F20", Self.close(1000, [0xFF]), .closed(.invalidUTF8)),
        Case("F21", Self.close(1000, Array(repeating: 0x61, count: 124)), .closed(.protocolError)),
        Case("F22", Self.close(1000) + Self.text("nonsense"), .closed(.normal)),
        Case("F23", Self.frame(0x01, [0x7B]) + Self.close(1000), .closed(.normal)),
        Case("F25", Self.frame(0x8A, [1, 2, 3]), .kept),
        Case("F27", Self.frame(0x82, Array(Self.ping.utf8)), .closed(.unsupportedData)),
        Case("F28", Self.frame(0x81), .error(.badJSON)),
        Case("F31 continuation", Self.frame(0x01, [0x7B]) + Self.frame(0xC0, [0x7D]), .closed(.protocolError)),
        Case("F31 control", Self.frame(0xC9), .closed(.protocolError)),
    ]

    private static func empty(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in Self.frame(0x00) } }

    private static func small(_ count: Int) -> [UInt8] { (0..<count).flatMap { _ in Self.frame(0x00, [0x20]) } }

    private static let reservedOpcodes: [Case] = (Array(3...7) + Array(0xB...0xF)).map { (opcode: Int) in
        Case("F3 \(opcode)", Self.frame(0x80 | UInt8(opcode)), .closed(.protocolError))
    }

    private static let closeCodes: [Case] =
        [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 65_535].map { code in
            Case("F19 \(code)", Self.close(code), .closed(.protocolError))
        }
        + ([1000, 1001, 1002, 1003] + Array(1007...1014) + [3000, 4999]).map { (code: Int) in
            Case("F19 \(code)", Self.close(code), .closed(CloseCode(rawValue: UInt16(code))))
        }

    private static let utf8: [Case] = [
        Case("U1 ff", Self.frame(0x81, [0xFF]), .closed(.invalidUTF8)),
        Case("U1 lone", Self.frame(0x81, [0x80]), .closed(.invalidUTF8)),
        Case("U2 two", Self.frame(0x81, [0xC0, 0xAF]), .closed(.invalidUTF8)),
        Case("U2 three", Self.frame(0x81, [0xE0, 0x80, 0xAF]), .closed(.invalidUTF8)),
        Case("U3", Self.frame(0x81, [0xED, 0xA0, 0x80]), .closed(.invalidUTF8)),
        Case("U4 past the end", Self.frame(0x81, [0xF4, 0x90, 0x80, 0x80]), .closed(.invalidUTF8)),
        Case("U4 five", Self.frame(0x81, [0xF8, 0x88, 0x80, 0x80, 0x80]), .closed(.invalidUTF8)),
        Case("U5", Self.frame(0x81, [0x22, 0xC3]), .closed(.invalidUTF8)),
        Case(
            "U6",
            Self.frame(0x01, Array(#"{"op":"ping","x":""#.utf8) + [0xC3]) + Self.frame(0x80, [0xA9, 0x22, 0x7D]),
            .kept
        ),
        Case("U7", Self.frame(0x01, [0x22]) + Self.frame(0x00, [0xFF]), .closed(.invalidUTF8)),
        Case("U8", Self.frame(0x81, [0xEF, 0xBB, 0xBF] + Array(Self.ping.utf8)), .error(.badJSON)),
        Case("U10 binary", Self.frame(0x82, [0x7B, 0, 0x7D, 0]), .closed(.unsupportedData)),
        Case("U10 text", Self.frame(0x81, [0x7B, 0, 0x7D, 0]), .error(.badJSON)),
        Case("U10 marked", Self.frame(0x81, [0xFF, 0xFE, 0x7B, 0, 0x7D, 0]), .closed(.invalidUTF8)),
    ]

    @Test func everyFrameHasOneAnswer() async throws {
        try await TestBroker.run { broker async throws in
            for one in Self.frames + Self.reservedOpcodes + Self.closeCodes + Self.utf8 {
                try await WireClient.run(port: broker.port) { client async throws in
                    try await client.send(raw: one.input)
                    try await Self.check(one, client)
                }
            }
        }
    }

    private static func check(_ one: Case, _ client: WireClient) async throws {
        switch one.expected {
        case .closed(let code):
            #expect(try await client.closeCode() == code, "\(one.number)")
        case .error(let code):
            #expect(try await client.receive().contains(#""code":\#(code.rawValue)"#), "\(one.number)")
            #expect(try await client.ask(#"{"op":"ping","id":1}"#) == #"{"op":"pong","id":1}"#, "\(one.number)")
        case .kept:
            try await client.send(#"{"op":"ping","id":"last"}"#)
            while try await client.receive() != #"{"op":"pong","id":"last"}"# {}
        }
    }

    /// F16, F17: every ping is answered with its own payload, and whoever sends without reading is held by TCP.
    @Test func aFloodOfPingsIsAnsweredInOrder() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                let pings = (0..<10_000).flatMap { Self.frame(0x89, [UInt8($0 >> 8), UInt8($0 & 0xFF)]) }
                async let sent: Void = client.send(raw: pings)
                for number in 0..<10_000 {
                    #expect(try await client.pong() == [UInt8(number >> 8), UInt8(number & 0xFF)])
                }
                try await sent
            }
        }
    }

    /// F26: a client that is gone without a word leaves nothing behind, and what it had published counts.
    @Test func aClientThatIsGoneWithoutACloseHasPublished() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.ask("6") == "6")
                try await client.send(raw: [0x81, 0x85, 0, 0])
            }
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await client.ask("1") == "7")
            }
        }
    }

    /// F33: cut into single bytes, and ten thousand in one piece.
    @Test func howBytesAreCutMakesNoDifference() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                for byte in Self.text(#"{"op":"ping","id":1}"#) { try await client.send(raw: [byte]) }
                #expect(try await client.receive() == #"{"op":"pong","id":1}"#)
                let number = Self.text("{\"op\":\"pub\",\"id\":1,\"topic\":\"total\",\"data\":1}")
                let all = Array(repeatElement(number, count: 10_000).joined())
                async let sent: Void = client.send(raw: all)
                for count in 1...10_000 {
                    #expect(JSONField.integer("data", in: try await client.receive()) == count)
                }
                try await sent
            }
        }
    }

    /// U9: what is text and unusual comes through byte for byte.
    @Test(arguments: ["\u{FFFE}\u{FFFF}", "👩‍👩‍👧‍👦", "\u{202E}abc\u{200F}", "e\u{301}", "\u{0}".debugDescription])
    func unusualTextComesThroughAsItWas(text: String) async throws {
        let data = "\"" + text.filter { $0 != "\"" && $0 != "\\" } + "\""
        try await TestBroker.run { broker async throws in
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"news"}"#)
                _ = try await client.ask(#"{"op":"pub","id":2,"topic":"news","data":\#(data)}"#)
                let message = try await client.receive()
                #expect(Array(message.utf8).contains(Array(data.utf8)))
            }
        }
    }
}
