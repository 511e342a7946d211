import BrokerWire
import Testing

@Suite("Frame parser")
struct FrameParserTests {
    private static let roomy = 1 << 20

    /// What the parser says of the first piece in `bytes`, and how far it went.
    private func first(
        in bytes: [UInt8],
        _ parser: inout FrameParser
    ) -> (result: Result<FrameEvent, FrameViolation>, index: Int) {
        var index = 0
        let result = bytes.withUnsafeBytes { buffer -> Result<FrameEvent, FrameViolation> in
            do throws(FrameViolation) {
                return .success(try parser.next(in: buffer, at: &index))
            } catch {
                return .failure(error)
            }
        }
        return (result, index)
    }

    private func first(
        in bytes: [UInt8],
        from peer: FrameParser.Peer = .client,
        messageBytesMax: Int = Self.roomy
    ) -> Result<FrameEvent, FrameViolation> {
        var parser = FrameParser(from: peer, messageBytesMax: messageBytesMax, fragmentsMax: 1024)
        return self.first(in: bytes, &parser).result
    }

    private func code(_ result: Result<FrameEvent, FrameViolation>) -> CloseCode? {
        if case .failure(let violation) = result { violation.code } else { nil }
    }

    // MARK: Chunks

    @Test func aWholeFrameIsOnePiece() throws {
        let frame = TestFrame.text("hello")
        guard case .chunk(let chunk) = try self.first(in: frame.bytes).get() else {
            Issue.record("a whole frame needs no more bytes")
            return
        }
        #expect(chunk.opcode == .text)
        #expect(chunk.isWholeMessage)
        #expect(chunk.range == 6..<11)
        #expect(chunk.mask == UInt32(littleEndian: 0x3D21_FA37))
    }

    @Test func theRestOfAFrameIsAnotherPieceWithTheKeyTurned() throws {
        let bytes = TestFrame.text("hello").bytes
        var parser = FrameParser(from: .client, messageBytesMax: 100, fragmentsMax: 1)
        let (start, consumed) = self.first(in: Array(bytes[..<7]), &parser)
        let (end, _) = self.first(in: Array(bytes[7...]), &parser)
        guard case .chunk(let first) = try start.get(), case .chunk(let last) = try end.get() else {
            Issue.record("each half is a piece")
            return
        }
        #expect(consumed == 7)
        #expect(first.startsFrame && !first.endsFrame && first.range == 6..<7)
        #expect(!last.startsFrame && last.endsFrame && last.range == 0..<4)
        #expect(last.mask == FrameMask.turned(first.mask, by: 1))
    }

    @Test func anEmptyFrameIsAPieceToo() throws {
        guard case .chunk(let chunk) = try self.first(in: TestFrame.text("").bytes).get() else {
            Issue.record("a whole frame needs no more bytes")
            return
        }
        #expect(chunk.range == 6..<6)
        #expect(chunk.isWholeMessage)
    }

    @Test(arguments: [0, 5, 200, 70_000])
    func aHeaderThatIsIncompleteStaysUnread(length: Int) {
        let header = TestFrame(opcode: 1, payload: Array(repeating: 0, count: length)).header
        for count in 0..<header.count {
            var parser = FrameParser(from: .client, messageBytesMax: Self.roomy, fragmentsMax: 1)
            let (result, index) = self.first(in: Array(header[..<count]), &parser)
            #expect(result == .success(.needsMore))
            #expect(index == 0)
            #expect(!parser.isInsideFrame)
        }
    }

    @Test func aHeaderWithoutPayloadIsReadAndNeedsMore() {
        let header = TestFrame.text("hello").header
        var parser = FrameParser(from: .client, messageBytesMax: 100, fragmentsMax: 1)
        let (result, index) = self.first(in: header, &parser)
        #expect(result == .success(.needsMore))
        #expect(index == header.count)
        #expect(parser.isInsideFrame)
    }

    @Test func itKnowsWhetherAMessageIsOpen() {
        var parser = FrameParser(from: .client, messageBytesMax: 100, fragmentsMax: 9)
        #expect(!parser.isInsideMessage)
        _ = self.first(in: TestFrame.text("a", isFinal: false).bytes, &parser)
        #expect(parser.isInsideMessage)
        _ = self.first(in: TestFrame.ping().bytes, &parser)
        #expect(parser.isInsideMessage)
        _ = self.first(in: TestFrame.continuation("b").bytes, &parser)
        #expect(!parser.isInsideMessage)
    }

    @Test func aServersFramesAreUnmasked() throws {
        let frame = TestFrame(opcode: 1, payload: [1, 2, 3], key: nil)
        guard case .chunk(let chunk) = try self.first(in: frame.bytes, from: .server).get() else {
            Issue.record("a whole frame needs no more bytes")
            return
        }
        #expect(chunk.range == 2..<5)
        #expect(chunk.mask == 0)
    }

    // MARK: The two bytes in front

    /// Every pair of first bytes, from both sides, alone and inside of a fragmented message, against the rules of
    /// RFC 6455, section 5.2, one by one.
    @Test(arguments: [FrameParser.Peer.client, .server], [false, true])
    func everyHeaderIsJudgedAsTheRulesSay(peer: FrameParser.Peer, isInsideMessage: Bool) {
        var fresh = FrameParser(from: peer, messageBytesMax: Self.roomy, fragmentsMax: 9)
        if isInsideMessage {
            let frame = TestFrame(
                opcode: 1,
                payload: [0x61],
                isFinal: false,
                key: peer == .client ? [0, 0, 0, 0] : nil
            )
            _ = self.first(in: frame.bytes, &fresh)
        }
        var wrong: [[UInt8]] = []
        for first in UInt8.min...UInt8.max {
            for second in UInt8.min...UInt8.max {
                var parser = fresh
                let length: [UInt8] =
                    second & 0x7F == 126 ? [1, 0] : second & 0x7F == 127 ? [0, 0, 0, 0, 0, 1, 0, 0] : []
                let result = self.first(in: [first, second] + length + [0, 0, 0, 0], &parser).result
                let isAllowed = Self.isAllowed(first, second, from: peer, isInsideMessage: isInsideMessage)
                if self.code(result) != (isAllowed ? nil : .protocolError) { wrong.append([first, second]) }
            }
        }
        #expect(wrong.prefix(5).isEmpty)
    }

    private static func isAllowed(
        _ first: UInt8,
        _ second: UInt8,
        from peer: FrameParser.Peer,
        isInsideMessage: Bool
    ) -> Bool {
        let isFinal = first >> 7 == 1
        let hasReservedBits = (first >> 4) % 8 != 0
        let isMasked = second >> 7 == 1
        let length = second % 128
        guard !hasReservedBits, isMasked == (peer == .client) else { return false }
        switch first % 16 {
        case 0: return isInsideMessage
        case 1, 2: return !isInsideMessage
        case 8, 9, 10: return isFinal && length <= 125
        default: return false
        }
    }

    /// Nobody has to send a payload, or even the rest of the header, to be refused.
    @Test(
        arguments: [
            [0xC1, 0x80], [0xA1, 0x80], [0x91, 0x80], [0x83, 0x80], [0x8B, 0x80], [0x81, 0x05], [0x09, 0x80],
            [0x89, 0xFE], [0x89, 0xFF], [0x08, 0x80], [0x80, 0x85], [0x00, 0x80],
        ] as [[UInt8]]
    )
    func twoBytesAreEnoughToBeRefused(bytes: [UInt8]) {
        #expect(self.code(self.first(in: bytes)) == .protocolError)
    }

    // MARK: Lengths

    @Test(arguments: [(126, 4), (127, 4), (65_535, 4), (65_536, 10), (65_537, 10)])
    func aLongerLengthIsRead(length: Int, headerBytes: Int) throws {
        let frame = TestFrame(opcode: 1, payload: Array(repeating: 0x61, count: length))
        guard case .chunk(let chunk) = try self.first(in: frame.bytes).get() else {
            Issue.record("a whole frame needs no more bytes")
            return
        }
        #expect(chunk.range.count == length)
        #expect(chunk.range.lowerBound == headerBytes + 4)
    }

    @Test(
        arguments: [
            (0, TestFrame.LengthForm.sixteenBits), (5, .sixteenBits), (125, .sixteenBits), (0, .sixtyFourBits),
            (125, .sixtyFourBits), (200, .sixtyFourBits), (65_535, .sixtyFourBits),
        ] as [(Int, TestFrame.LengthForm)]
    )
    func aLengthThatIsNotInItsShortestFormIsRefused(length: Int, form: TestFrame.LengthForm) {
        var frame = TestFrame(opcode: 1, payload: Array(repeating: 0x61, count: length))
        frame.lengthForm = form
        #expect(self.code(self.first(in: frame.bytes)) == .protocolError)
    }

    @Test(arguments: [1 << 63, .max] as [UInt64])
    func aLengthWithItsTopBitIsRefused(length: UInt64) {
        let frame = TestFrame(opcode: 1, announcedLength: length)
        #expect(self.code(self.first(in: frame.header)) == .protocolError)
        #expect(self.code(self.first(in: frame.header, messageBytesMax: .max)) == .protocolError)
    }

    @Test(arguments: [1 << 62, 1 << 63 - 1, 1 << 32, 1 << 21] as [UInt64])
    func anAbsurdLengthIsTooLargeBeforeTheKeyArrives(length: UInt64) {
        let frame = TestFrame(opcode: 1, announcedLength: length)
        #expect(self.code(self.first(in: frame.header.dropLast(4))) == .tooLarge)
    }

    @Test func theLargestMessageIsTakenAndAByteMoreIsTooLarge() {
        let limit = WireLimits().messageBytesMax
        let largest = TestFrame(opcode: 1, announcedLength: UInt64(limit))
        let larger = TestFrame(opcode: 1, announcedLength: UInt64(limit) + 1)
        #expect(self.first(in: largest.header, messageBytesMax: limit) == .success(.needsMore))
        #expect(self.code(self.first(in: larger.header, messageBytesMax: limit)) == .tooLarge)
    }

    @Test(arguments: [0, 1, 125])
    func aControlFrameOf125BytesIsTaken(length: Int) {
        let frame = TestFrame(opcode: 9, payload: Array(repeating: 0, count: length))
        #expect(self.code(self.first(in: frame.bytes)) == nil)
    }

    @Test(arguments: [8, 9, 10] as [UInt8], [126, 70_000])
    func aLongerControlFrameIsRefused(opcode: UInt8, length: Int) {
        let frame = TestFrame(opcode: opcode, payload: Array(repeating: 0, count: length))
        #expect(self.code(self.first(in: frame.bytes)) == .protocolError)
    }

    @Test func aControlFrameIsNotMeasuredByTheMessageLimit() {
        #expect(self.code(self.first(in: TestFrame.ping("0123456789").bytes, messageBytesMax: 1)) == nil)
    }

    // MARK: Messages of many fragments

    @Test func fragmentsAreMeasuredTogether() {
        let start = TestFrame.text("0123456", isFinal: false)
        let fits = [start, .continuation("78", isFinal: false), .continuation("9")]
        let crosses = [start, .continuation("78", isFinal: false), .continuation("90")]
        #expect(FrameReceiver.receive(fits.bytes, messageBytesMax: 10) == [.text("0123456789")])
        #expect(FrameReceiver.receive(crosses.bytes, messageBytesMax: 10) == [.violation(1009)])
    }

    @Test func theCrossingFragmentIsRefusedAtItsHeader() {
        let crossing = TestFrame(opcode: 0, announcedLength: UInt64(Int64.max))
        let stream = TestFrame.text("a", isFinal: false).bytes + crossing.header.dropLast(4)
        #expect(FrameReceiver.receive(stream, messageBytesMax: 10) == [.violation(1009)])
    }

    /// What was counted for one message is not counted for the next.
    @Test func everyMessageIsMeasuredByItself() {
        let message = [TestFrame.text("01234", isFinal: false), .continuation("56789")]
        let received = FrameReceiver.receive((message + message).bytes, messageBytesMax: 10, fragmentsMax: 2)
        #expect(received == [.text("0123456789"), .text("0123456789")])
    }

    @Test func a1024thFragmentIsTakenAndTheNextRefused() {
        let open =
            [TestFrame.text("", isFinal: false)] + Array(repeating: .continuation("", isFinal: false), count: 1022)
        let taken = open + [.continuation("x")]
        let past = open + [.continuation("", isFinal: false), .continuation("x")]
        #expect(FrameReceiver.receive(taken.bytes) == [.text("x")])
        #expect(FrameReceiver.receive(past.bytes) == [.violation(1008)])
    }

    @Test func manyOneByteFragmentsAreRefusedToo() {
        let frames =
            [TestFrame.text("x", isFinal: false)] + Array(repeating: .continuation("x", isFinal: false), count: 2000)
        #expect(FrameReceiver.receive(frames.bytes, messageBytesMax: 65_536) == [.violation(1008)])
    }

    @Test func controlFramesAreNoFragments() {
        let frames = [TestFrame.text("a", isFinal: false), .ping("1"), .ping("2"), .continuation("b")]
        let received = FrameReceiver.receive(frames.bytes, fragmentsMax: 2)
        #expect(received == [.ping("1"), .ping("2"), .text("ab")])
    }

    // MARK: Texts

    @Test func aViolationSaysWhatIsWrong() {
        let violation = FrameViolation(.tooLarge, "a message has at most 10 bytes")
        #expect(self.first(in: TestFrame.text("0123456789A").bytes, messageBytesMax: 10) == .failure(violation))
    }

    @Test func anUnmaskedFrameIsToldFromAMaskedOne() {
        let unmasked = FrameViolation(.protocolError, "a client must mask its frames")
        let masked = FrameViolation(.protocolError, "a server must not mask its frames")
        #expect(self.first(in: [0x81, 0x00]) == .failure(unmasked))
        #expect(self.first(in: [0x81, 0x80], from: .server) == .failure(masked))
    }

    /// Any bytes at all, in any pieces: an answer and never a trap.
    @Test func randomBytesTrapNothing() {
        var generator = SeededGenerator(seed: 22)
        var ended = 0
        for _ in 0..<2000 {
            var receiver = FrameReceiver(acceptsBinary: true)
            for _ in 0..<4 { receiver.feed(generator.bytes(generator.below(20))) }
            if receiver.isEnded { ended += 1 }
        }
        #expect(ended > 0)
    }
}
