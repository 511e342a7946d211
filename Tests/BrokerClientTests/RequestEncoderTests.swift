import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite("Request encoder")
struct RequestEncoderTests {
    /// What a broker reads of what `body` wrote.
    private func texts(_ body: (inout RequestEncoder, inout ByteBuffer) throws -> Void) throws -> [String] {
        var encoder = RequestEncoder()
        var buffer = ByteBuffer()
        try body(&encoder, &buffer)
        var reader = MessageReader(from: .client, messageBytesMax: 1024 * 1024)
        var texts: [String] = []
        try reader.read(buffer) { assembled in
            if case .text(let bytes) = assembled { texts.append(String(decoding: bytes, as: UTF8.self)) }
            return true
        }
        return texts
    }

    private static let numbers: [PublishNumber?] =
        [nil] + [1, 9, 10, 99, 100, 9_007_199_254_740_991].flatMap { [.id($0), .seq($0)] }

    @Test(arguments: Self.numbers, [false, true])
    func theSizeOfAPublishIsKnownBeforeItIsWritten(number: PublishNumber?, retain: Bool) throws {
        let topicField = RequestEncoder.publishField(topic: try Topic(#"a"b\c"#))
        let data = "[1]".bytes
        let texts = try self.texts { encoder, buffer in
            data.withUnsafeBytes {
                encoder.writePublish(number: number, topicField: topicField, data: $0, retain: retain, to: &buffer)
            }
        }
        let field =
            switch number {
            case .id(let id): #","id":\#(id)"#
            case .seq(let seq): #","seq":\#(seq)"#
            case nil: ""
            }
        let end = retain ? #","retain":true}"# : "}"
        #expect(texts == [#"{"op":"pub"\#(field),"topic":"a\"b\\c","data":[1]\#(end)"#])
        let overhead = RequestEncoder.publishOverheadBytes(number: number, retain: retain)
        #expect(texts.first?.utf8.count == overhead + topicField.count + data.count)
    }

    /// The lengths around which a frame's header grows.
    @Test(arguments: [1, 60, 125, 126, 127, 65_535, 65_536, 100_000])
    func aFrameIsWrittenAgainUnderAnotherMask(length: Int) throws {
        var encoder = RequestEncoder()
        var first = ByteBuffer()
        let topicField = RequestEncoder.publishField(topic: try Topic("a"))
        let data = Array(repeating: UInt8(ascii: "7"), count: max(length - 40, 1))
        data.withUnsafeBytes {
            encoder.writePublish(number: .seq(1), topicField: topicField, data: $0, retain: false, to: &first)
        }
        let text = topicField.count + data.count + RequestEncoder.publishOverheadBytes(number: .seq(1), retain: false)
        #expect(first.readableBytes == RequestEncoder.frameBytes(ofText: text))
        var second = ByteBuffer()
        first.withUnsafeReadableBytes { encoder.writeAgain($0, to: &second) }
        #expect(first != second)
        var texts: [[UInt8]] = []
        for buffer in [first, second] {
            var reader = MessageReader(from: .client, messageBytesMax: 1024 * 1024)
            try reader.read(buffer) { assembled in
                if case .text(let bytes) = assembled { texts.append(Array(bytes)) }
                return true
            }
        }
        #expect(texts.count == 2)
        #expect(texts.first == texts.last)
    }

    @Test func aSkippedNumberIsAPublishToNoTopic() throws {
        let texts = try self.texts { encoder, buffer in encoder.writeSkip(seq: 17, to: &buffer) }
        #expect(texts == [#"{"op":"pub","seq":17,"topic":"","data":null}"#])
    }

    @Test func theProducerIsNamedInTheHello() throws {
        let texts = try self.texts { encoder, buffer in
            encoder.writeHello(client: "c", producer: .init(name: "m"), to: &buffer)
            let known = ProducerStateMachine.Greeting(name: "m", epoch: 7, resumes: true, acked: 41)
            encoder.writeHello(client: "c", producer: known, to: &buffer)
        }
        #expect(
            texts == [
                #"{"op":"hello","v":1,"client":"c","producer":{"name":"m"}}"#,
                #"{"op":"hello","v":1,"client":"c","producer":{"name":"m","epoch":7,"resume":true,"acked":41}}"#,
            ]
        )
    }

    @Test func aLargePublishIsWrittenWhole() throws {
        let data = Array("\"\(String(repeating: "x", count: 100_000))\"".utf8)
        let topicField = RequestEncoder.publishField(topic: try Topic("a"))
        let texts = try self.texts { encoder, buffer in
            data.withUnsafeBytes {
                encoder.writePublish(number: .id(1), topicField: topicField, data: $0, retain: false, to: &buffer)
                encoder.writePublish(number: .id(2), topicField: topicField, data: $0, retain: false, to: &buffer)
            }
        }
        #expect(texts.map(\.utf8.count) == [100_041, 100_041])
    }

    @Test func theOtherRequestsAreWhatTheScannerOfTheBrokerReads() throws {
        let texts = try self.texts { encoder, buffer in
            encoder.writeHello(client: #"a"b"#, to: &buffer)
            encoder.writeGet(id: 3, topic: try Topic("a/b"), to: &buffer)
            encoder.writePing(id: 5, to: &buffer)
            encoder.writeUnsubscribe(id: 7, filter: try TopicFilter("a/#"), to: &buffer)
            encoder.writeSubscribe(
                id: 9,
                filter: try TopicFilter("+"),
                options: SubscriptionOptions(mode: .all),
                to: &buffer
            )
        }
        let operations = try texts.map { text in
            var bytes = text.bytes
            return try bytes.withUnsafeMutableBytes { try RequestScanner.scan($0, limits: WireLimits()).operation }
        }
        #expect(operations == [.hello, .get, .ping, .unsubscribe, .subscribe])
        #expect(texts.first == #"{"op":"hello","v":1,"client":"a\"b"}"#)
        #expect(texts.last == #"{"op":"sub","id":"r9","topic":"+","mode":"all"}"#)
    }

    @Test func masksAreNotRepeated() {
        var masks = MaskSource()
        let drawn = Set((0..<1000).map { _ in masks.next() })
        // Four of a thousand 32-bit numbers are not equal by chance in the life of this test.
        #expect(drawn.count > 996)
    }
}
