import BrokerWire
import Testing

@Suite("Message assembler")
struct MessageAssemblerTests {
    // MARK: Messages

    @Test(arguments: ["", "x", "hello", "é東😀", "\u{FFFE}\u{FFFF}\u{200F}", String(repeating: "abc", count: 300)])
    func aTextMessageIsUnmasked(text: String) {
        #expect(FrameReceiver.receive(.text(text)) == [.text(text)])
    }

    @Test func manyMessagesInOneSegmentComeInOrder() {
        let frames = (0..<10_000).map { TestFrame.text("\($0)") }
        #expect(FrameReceiver.receive(frames.bytes) == (0..<10_000).map { .text("\($0)") })
    }

    @Test func fragmentsAreJoined() {
        let received = FrameReceiver.receive(
            .text("frag", isFinal: false),
            .continuation("men", isFinal: false),
            .continuation("ts")
        )
        #expect(received == [.text("fragments")])
    }

    @Test func emptyFragmentsAreNothing() {
        let received = FrameReceiver.receive(
            .text("", isFinal: false),
            .continuation("", isFinal: false),
            .continuation(""),
            .text("next")
        )
        #expect(received == [.text(""), .text("next")])
    }

    @Test func controlFramesMayStandBetweenFragments() {
        let received = FrameReceiver.receive(
            .text("a", isFinal: false),
            .ping("p"),
            .continuation("b", isFinal: false),
            TestFrame(opcode: 10),
            .continuation("c")
        )
        #expect(received == [.ping("p"), .pong, .text("abc")])
    }

    @Test(arguments: [FrameParser.Peer.client, .server])
    func aBinaryFrameIsUnsupported(peer: FrameParser.Peer) {
        let frame = TestFrame(opcode: 2, payload: [1], key: peer == .client ? [1, 2, 3, 4] : nil)
        #expect(FrameReceiver.receive(frame.bytes, from: peer) == [.violation(1003)])
    }

    @Test func aBinaryFrameIsRefusedAtItsFirstPiece() {
        var receiver = FrameReceiver()
        receiver.feed(TestFrame(opcode: 2, payload: Array(repeating: 0, count: 100)).bytes.prefix(10))
        #expect(receiver.received == [.violation(1003)])
    }

    /// Binary is not text: any bytes will do, whole and in fragments.
    @Test func whoAcceptsBinaryGetsIt() {
        let received = FrameReceiver.receive(
            TestFrame(opcode: 2, payload: [0xFF, 0x00]),
            TestFrame(opcode: 2, payload: [0xC3], isFinal: false),
            .continuation([0x28]),
            .text("é"),
            acceptsBinary: true
        )
        #expect(received == [.binary([0xFF, 0x00]), .binary([0xC3, 0x28]), .text("é")])
    }

    // MARK: Order of frames

    @Test func aContinuationNeedsAMessage() {
        #expect(FrameReceiver.receive(.continuation("a")) == [.violation(1002)])
        #expect(FrameReceiver.receive(.text("a"), .continuation("b")) == [.text("a"), .violation(1002)])
    }

    @Test(arguments: [1, 2] as [UInt8])
    func aMessageInsideAMessageIsRefused(opcode: UInt8) {
        let inner = TestFrame(opcode: opcode, payload: [0x61])
        #expect(FrameReceiver.receive(.text("a", isFinal: false), inner) == [.violation(1002)])
    }

    @Test func aCloseInsideAMessageIsAClose() {
        #expect(FrameReceiver.receive(.text("a", isFinal: false), .close(1000)) == [.close(1000)])
    }

    // MARK: Pieces

    /// A stream with everything in it, and what it comes to.
    private static let stream: [TestFrame] = [
        .text("hello"), .text(""), .ping("ping"), .text("fr", isFinal: false), .continuation("", isFinal: false),
        TestFrame(opcode: 10, payload: [1, 2, 3]), .continuation("ag é", isFinal: false), .ping(""),
        .continuation("東😀"),
        TestFrame(opcode: 2, payload: [0xFF, 0xFE, 0x00]), .text(String(repeating: "0123456789", count: 20)),
        TestFrame(opcode: 2, payload: [0xC3], isFinal: false), .continuation([0x28]), .close(4300, reason: [0x61]),
    ]
    private static let messages: [Received] = [
        .text("hello"), .text(""), .ping("ping"), .pong, .ping(""), .text("frag é東😀"), .binary([0xFF, 0xFE, 0x00]),
        .text(String(repeating: "0123456789", count: 20)), .binary([0xC3, 0x28]), .close(4300),
    ]

    @Test func aWholeStreamIsUnderstood() {
        #expect(FrameReceiver.receive(Self.stream.bytes, acceptsBinary: true) == Self.messages)
    }

    @Test(arguments: [1, 2, 3, 5, 7, 16, 61])
    func aStreamInSmallPiecesIsTheSame(size: Int) {
        let bytes = Self.stream.bytes
        var receiver = FrameReceiver(acceptsBinary: true)
        for start in stride(from: 0, to: bytes.count, by: size) {
            receiver.feed(bytes[start..<min(start + size, bytes.count)])
        }
        #expect(receiver.received == Self.messages)
    }

    @Test func aStreamSplitInTwoAnywhereIsTheSame() {
        let bytes = Self.stream.bytes
        var wrong: [Int] = []
        for cut in 0...bytes.count {
            var receiver = FrameReceiver(acceptsBinary: true)
            receiver.feed(bytes[..<cut])
            receiver.feed(bytes[cut...])
            if receiver.received != Self.messages { wrong.append(cut) }
        }
        #expect(wrong.isEmpty)
    }

    @Test func aServersStreamSplitInTwoAnywhereIsTheSame() {
        let bytes = Self.stream.flatMap { frame in
            var unmasked = frame
            unmasked.key = nil
            return unmasked.bytes
        }
        var wrong: [Int] = []
        for cut in 0...bytes.count {
            var receiver = FrameReceiver(from: .server, acceptsBinary: true)
            receiver.feed(bytes[..<cut])
            receiver.feed(bytes[cut...])
            if receiver.received != Self.messages { wrong.append(cut) }
        }
        #expect(wrong.isEmpty)
    }

    @Test func messagesInPiecesFollowEachOther() {
        let message = TestFrame.text(String(repeating: "é", count: 50)).bytes
        var receiver = FrameReceiver()
        for _ in 0..<3 {
            receiver.feed(message[..<11])
            receiver.feed(message[11...])
        }
        #expect(receiver.received == Array(repeating: .text(String(repeating: "é", count: 50)), count: 3))
    }

    // MARK: UTF-8

    @Test(
        arguments: [
            [0xFF], [0x80], [0xC0, 0xAF], [0xE0, 0x80, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80],
            [0xF8, 0x88, 0x80, 0x80, 0x80], [0x61, 0xC3], [0xE2, 0x82], [0xF0, 0x9F, 0x98], [0xC3, 0x28],
            [0xFE, 0xFF, 0x00, 0x7B], [0x7B, 0xD8, 0x00, 0x7D],
        ] as [[UInt8]]
    )
    func aTextThatIsNotUTF8IsRefused(payload: [UInt8]) {
        #expect(FrameReceiver.receive(.text(payload)) == [.violation(1007)])
        #expect(FrameReceiver.receive(.text("a", isFinal: false), .continuation(payload)) == [.violation(1007)])
    }

    @Test(arguments: ["é", "東", "😀"])
    func aCharacterMayBeSplitOverFragments(character: String) {
        let bytes = Array(character.utf8)
        for cut in 0...bytes.count {
            let received = FrameReceiver.receive(
                .text(Array(bytes[..<cut]), isFinal: false),
                .ping(),
                .continuation(Array(bytes[cut...]))
            )
            #expect(received == [.ping(""), .text(character)])
        }
    }

    @Test func aMessageMustNotEndInsideACharacter() {
        let received = FrameReceiver.receive(.text([0x61, 0xF0, 0x9F], isFinal: false), .continuation([0x98]))
        #expect(received == [.violation(1007)])
    }

    @Test func aBadByteIsRefusedBeforeTheNextFragment() {
        let received = FrameReceiver.receive(.text("a", isFinal: false), .continuation([0x62, 0xFF], isFinal: false))
        #expect(received == [.violation(1007)])
    }

    /// The frame has hundred bytes; the twelfth is bad, and is refused with the piece that it comes in.
    @Test func aBadByteIsRefusedBeforeItsFrameIsComplete() {
        var payload = [UInt8](repeating: 0x61, count: 100)
        payload[11] = 0xFF
        let frame = TestFrame.text(payload)
        var receiver = FrameReceiver()
        receiver.feed(frame.bytes[..<(frame.header.count + 11)])
        #expect(receiver.received.isEmpty)
        receiver.feed(frame.bytes[(frame.header.count + 11)..<(frame.header.count + 12)])
        #expect(receiver.received == [.violation(1007)])
    }

    /// An impossible second byte is refused at once, though the character might still have become longer.
    @Test func anImpossibleCharacterIsRefusedAtItsFirstImpossibleByte() {
        var receiver = FrameReceiver()
        receiver.feed(TestFrame.text([0xF4], isFinal: false).bytes)
        #expect(receiver.received.isEmpty)
        receiver.feed(TestFrame.continuation([0x90], isFinal: false).bytes)
        #expect(receiver.received == [.violation(1007)])
    }

    // MARK: Control frames

    @Test func aPingIsGivenBackExactly() {
        let payload = String(repeating: "p", count: 125)
        #expect(FrameReceiver.receive(.ping(payload), .ping("")) == [.ping(payload), .ping("")])
    }

    @Test func aPongSaysOnlyThatItCame() {
        #expect(FrameReceiver.receive(TestFrame(opcode: 10, payload: [0xFF])) == [.pong])
    }

    @Test func aCloseWithoutCodeHasNone() {
        #expect(FrameReceiver.receive(TestFrame(opcode: 8)) == [.close(nil)])
    }

    @Test func aCloseCodeOfOneByteIsRefused() {
        #expect(FrameReceiver.receive(TestFrame(opcode: 8, payload: [3])) == [.violation(1002)])
    }

    @Test func everyCloseCodeIsTakenOrRefusedAsRegistered() {
        let allowed: Set<UInt16> = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014]
        var wrong: [UInt16] = []
        for code in Array(UInt16(0)...5000) + [0x7FFF, 0x8000, 65_534, 65_535] {
            let isAllowed = allowed.contains(code) || (3000..<5000).contains(code)
            let expected: Received = isAllowed ? .close(code) : .violation(1002)
            if FrameReceiver.receive(.close(code)) != [expected] { wrong.append(code) }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    @Test func aCloseReasonIsText() {
        #expect(FrameReceiver.receive(.close(1000, reason: Array("bye é".utf8))) == [.close(1000)])
        #expect(FrameReceiver.receive(.close(1000, reason: [0xFF])) == [.violation(1007)])
        #expect(FrameReceiver.receive(.close(1000, reason: [0xE2, 0x82])) == [.violation(1007)])
    }

    @Test func aCloseReasonHasAtMost123Bytes() {
        #expect(FrameReceiver.receive(.close(1000, reason: Array(repeating: 0x61, count: 123))) == [.close(1000)])
        #expect(FrameReceiver.receive(.close(1000, reason: Array(repeating: 0x61, count: 124))) == [.violation(1002)])
    }
}
