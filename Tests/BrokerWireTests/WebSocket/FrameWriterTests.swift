import BrokerWire
import NIOCore
import Testing

@Suite("Frame writer")
struct FrameWriterTests {
    /// The lengths at which the header changes its form, and their neighbours.
    private static let lengths = [0, 1, 124, 125, 126, 127, 128, 65_534, 65_535, 65_536, 65_537]

    private static func payload(_ length: Int) -> [UInt8] {
        (0..<length).map { UInt8(ascii: "a") + UInt8($0 % 26) }
    }

    @Test(arguments: Self.lengths)
    func aTextFrameIsReadBack(length: Int) {
        let payload = Self.payload(length)
        let frames = Written.frames { buffer in
            buffer.writeTextFrame(capacity: length) { writer in writer.put(payload) }
        }
        #expect(frames == [.text(String(decoding: payload, as: UTF8.self))])
    }

    @Test(arguments: Self.lengths)
    func aFrameOfAPayloadThatIsThereIsReadBack(length: Int) {
        let payload = Self.payload(length)
        let frames = Written.frames { buffer in
            payload.withUnsafeBytes { buffer.writeFrame(.binary, $0) }
        }
        #expect(frames == [.binary(payload)])
    }

    @Test(arguments: Self.lengths)
    func aMaskedFrameIsReadBack(length: Int) {
        let payload = Self.payload(length)
        let frames = Written.frames(from: .client) { buffer in
            payload.withUnsafeBytes { buffer.writeMaskedFrame(.binary, $0, mask: 0x1234_ABCD) }
        }
        #expect(frames == [.binary(payload)])
    }

    @Test func aMaskedFrameIsMaskedOnTheWire() {
        let bytes = Written.bytes { buffer in
            "hello".withBytes { buffer.writeMaskedFrame(.text, $0, mask: UInt32(littleEndian: 0x3D21_FA37)) }
        }
        #expect(bytes == TestFrame.text("hello").bytes)
    }

    @Test(arguments: [Opcode.text, .binary, .close, .ping, .pong, .continuation])
    func everyOpcodeIsWrittenFinal(opcode: Opcode) {
        let bytes = Written.bytes { buffer in "".withBytes { buffer.writeFrame(opcode, $0) } }
        #expect(bytes == [0x80 | opcode.rawValue, 0])
    }

    @Test(
        arguments: [
            (0, [0x81, 0]), (125, [0x81, 125]), (126, [0x81, 126, 0, 126]), (65_535, [0x81, 126, 0xFF, 0xFF]),
            (65_536, [0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ] as [(Int, [UInt8])]
    )
    func lengthsAreInTheirShortestForm(length: Int, header: [UInt8]) {
        let payload = Self.payload(length)
        let bytes = Written.bytes { buffer in
            buffer.writeTextFrame(capacity: length) { writer in writer.put(payload) }
        }
        #expect(Array(bytes.prefix(header.count)) == header)
        #expect(bytes.count == header.count + length)
        #expect(FrameHeader.bytes(length: length) == header.count)
    }

    /// The capacity is a bound, and not a length.
    @Test func roomThatIsNotNeededIsNotSent() {
        let bytes = Written.bytes { buffer in
            buffer.writeTextFrame(capacity: 70_000) { writer in writer.put("hi") }
        }
        #expect(bytes == [0x81, 2] + Array("hi".utf8))
    }

    @Test func framesFollowEachOtherInOneBuffer() {
        let frames = Written.frames { buffer in
            for length in Self.lengths {
                let payload = Self.payload(length)
                buffer.writeTextFrame(capacity: length) { writer in writer.put(payload) }
            }
        }
        #expect(frames == Self.lengths.map { .text(String(decoding: Self.payload($0), as: UTF8.self)) })
    }

    // MARK: Close

    private static func close(_ code: CloseCode, reason: String) -> [UInt8] {
        Written.bytes { $0.writeClose(code, reason: reason) }
    }

    @Test func aCloseCarriesItsCodeAndReason() {
        #expect(Self.close(.tooLarge, reason: "too large") == [0x88, 11, 0x03, 0xF1] + Array("too large".utf8))
    }

    @Test func aCloseNeedsNoReason() {
        #expect(Written.bytes { $0.writeClose(.normal) } == [0x88, 2, 0x03, 0xE8])
    }

    @Test(arguments: ErrorCode.allCases)
    func aCloseOfAnyErrorIsReadBack(code: ErrorCode) {
        let frames = Written.frames { $0.writeClose(CloseCode(code), reason: code.name.description) }
        #expect(frames == [.close(code.rawValue)])
    }

    @Test func aReasonOf123BytesIsWhole() {
        let reason = String(repeating: "x", count: 123)
        #expect(Array(Self.close(.normal, reason: reason).dropFirst(4)) == Array(reason.utf8))
    }

    /// With 0 to 3 letters in front, the limit falls into every place of a character of four bytes.
    @Test(arguments: ["x", "é", "東", "😀"], 0...3)
    func aLongerReasonIsCutBetweenTwoCharacters(character: String, letters: Int) throws {
        let reason = String(repeating: "a", count: letters) + String(repeating: character, count: 130)
        let payload = Array(Self.close(.normal, reason: reason).dropFirst(4))
        let text = try #require(String(validating: payload, as: UTF8.self))
        #expect(reason.hasPrefix(text))
        #expect(payload.count <= 123)
        #expect(payload.count + character.utf8.count > 123)
    }
}
