import BrokerWire
import NIOCore
import Testing

/// The texts are those of the protocol's page, to the byte.
@Suite("Reply frame")
struct ReplyFrameTests {
    private static let position = Position(epoch: "k3", offset: 1042)

    private static func number(_ token: String) throws -> WireValue { .number(try ExactDecimal(token)) }

    // MARK: Acknowledgements

    @Test func aPublishIsAcknowledgedWithTheRunningValue() throws {
        let value = try Self.number("1048")
        let text = try Written.text { buffer in
            "3".withBytes { buffer.writePublishAck(id: $0, offset: 1043, value: value) }
        }
        #expect(text == #"{"op":"ack","id":3,"offset":1043,"data":1048}"#)
    }

    @Test func aPublishWithoutAggregateIsAcknowledgedWithoutData() throws {
        let text = try Written.text { buffer in
            #""a\"b""#.withBytes { buffer.writePublishAck(id: $0, offset: 1, value: .none) }
        }
        #expect(text == #"{"op":"ack","id":"a\"b","offset":1}"#)
    }

    @Test(arguments: [("2", #"{"op":"ack","id":2}"#), ("", #"{"op":"ack"}"#), (#""s-1""#, #"{"op":"ack","id":"s-1"}"#)])
    func anAckMaySayNoMore(id: String, expected: String) throws {
        #expect(try Written.text { buffer in id.withBytes { buffer.writeAck(id: $0) } } == expected)
    }

    @Test func aSubscriptionIsAcknowledgedWithValueAndPosition() throws {
        let value = try Self.number("1042")
        let text = try Written.text { buffer in
            "1".withBytes {
                buffer.writeValueAck(id: $0, topic: Array("clicks".utf8), position: Self.position, value: value)
            }
        }
        #expect(text == #"{"op":"ack","id":1,"topic":"clicks","epoch":"k3","offset":1042,"data":1042}"#)
    }

    @Test func aTopicWithoutValueIsAcknowledgedWithOffsetZero() throws {
        let position = Position(epoch: "k3", offset: 0)
        let text = try Written.text { buffer in
            "1".withBytes { buffer.writeValueAck(id: $0, topic: [0x61], position: position, value: .none) }
        }
        #expect(text == #"{"op":"ack","id":1,"topic":"a","epoch":"k3","offset":0}"#)
    }

    @Test func aGetIsAnsweredWithTheTimeToo() throws {
        let value = try Self.number("1054")
        let position = Position(epoch: "k3", offset: 1044)
        let text = try Written.text { buffer in
            "5".withBytes { id in
                buffer.writeValueAck(
                    id: id,
                    topic: Array("clicks".utf8),
                    position: position,
                    timestamp: 1_795_460_000_123,
                    value: value
                )
            }
        }
        #expect(
            text == #"{"op":"ack","id":5,"topic":"clicks","epoch":"k3","offset":1044,"ts":1795460000123,"data":1054}"#
        )
    }

    /// Whoever leaves `id` away gets an answer without one, and never broken JSON.
    @Test func everyAnswerIsJSONWithoutAnID() throws {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let writes: [(inout ByteBuffer) -> Void] = [
            { $0.writeAck(id: none) },
            { $0.writePong(id: none) },
            { $0.writePublishAck(id: none, offset: 1, value: .none) },
            { $0.writeValueAck(id: none, topic: [0x61], position: Self.position, value: .none) },
            { $0.writeError(Refusal(.badJSON, "x"), id: none) },
        ]
        let texts = try writes.map { try Written.text($0) }
        let broken = texts.filter { ReferenceJSON.parse(Array($0.utf8)) == nil }
        #expect(broken.isEmpty)
    }

    // MARK: Messages

    @Test func aMessageHasTopicOffsetAndTime() throws {
        let value = try Self.number("2010")
        let text = try Written.text {
            $0.writeMessage(topic: Array("clicks".utf8), offset: 2000, timestamp: 1_795_460_000_123, value: value)
        }
        #expect(text == #"{"op":"msg","topic":"clicks","offset":2000,"ts":1795460000123,"data":2010}"#)
    }

    @Test func aRetainedMessageSaysSo() throws {
        let text = try Written.text { buffer in
            #"{"a":1}"#.withBytes { data in
                buffer.writeMessage(
                    topic: Array("news".utf8),
                    offset: 9,
                    timestamp: 1_795_460_000_123,
                    value: .json(data),
                    isRetained: true
                )
            }
        }
        #expect(
            text == #"{"op":"msg","topic":"news","offset":9,"ts":1795460000123,"data":{"a":1},"retained":true}"#
        )
    }

    @Test func aTopicIsEscaped() throws {
        let text = try Written.text {
            $0.writeMessage(topic: Array(#"a"b\c/é"#.utf8), offset: 1, timestamp: 2, value: .none)
        }
        #expect(text == #"{"op":"msg","topic":"a\"b\\c/é","offset":1,"ts":2}"#)
    }

    // MARK: Numbers

    @Test(arguments: [
        ("5.0", #""data":5"#), ("10.30", #""data":10.3"#), ("-0.1", #""data":-0.1"#), ("1e3", #""data":1000"#),
        ("9007199254740991", #""data":9007199254740991"#),
        ("9007199254740993", #""data":9007199254740993,"exact":"9007199254740993""#),
        ("0.1234567890123456789", #""data":0.123456789012345679,"exact":"0.123456789012345679""#),
        ("1e-7", #""data":0.0000001,"exact":"0.0000001""#),
    ])
    func aNumberThatJavaScriptWouldChangeIsSaidTwice(token: String, member: String) throws {
        let value = try Self.number(token)
        let text = try Written.text { $0.writeMessage(topic: [0x61], offset: 1, timestamp: 2, value: value) }
        #expect(text == #"{"op":"msg","topic":"a","offset":1,"ts":2,\#(member)}"#)
    }

    @Test(arguments: [("16", "16"), ("-0.50", "-0.5"), ("9007199254740993", "9007199254740993")])
    func aPlainAnswerIsTheBareNumber(token: String, expected: String) throws {
        let value = try Self.number(token)
        #expect(try Written.text { $0.writePlainValue(value) } == expected)
    }

    @Test func aPlainAnswerMayBeAnyJSON() throws {
        #expect(try Written.text { buffer in "[1]".withBytes { buffer.writePlainValue(.json($0)) } } == "[1]")
        #expect(try Written.text { $0.writePlainValue(.none) } == "null")
    }

    // MARK: The rest

    @Test(arguments: [("7", #"{"op":"pong","id":7}"#), ("", #"{"op":"pong"}"#)])
    func aPingIsAnswered(id: String, expected: String) throws {
        #expect(try Written.text { buffer in id.withBytes { buffer.writePong(id: $0) } } == expected)
    }

    @Test func aHelloIsWelcomed() throws {
        let text = try Written.text {
            $0.writeWelcome(server: "wsbroker/1.0.0", session: "c1", messageBytesMax: 65_536)
        }
        #expect(
            text == #"{"op":"welcome","v":1,"server":"wsbroker/1.0.0","session":"c1","messageBytesMax":65536}"#
        )
    }

    @Test func aByeSaysWhenToComeBack() throws {
        let text = try Written.text { $0.writeBye(.restarting, afterMilliseconds: 250) }
        #expect(text == #"{"op":"bye","code":4300,"name":"restarting","afterMs":250}"#)
    }

    // MARK: Room

    /// The writers check their room once, in advance, so the largest of everything has to fit in it.
    @Test func theLargestNumberFitsInItsRoom() {
        let value = WireValue.number(ExactDecimal(units: .min, scale: 18))
        let count = withUnsafeTemporaryAllocation(byteCount: 1024, alignment: 1) { target in
            var count = 0
            if let base = target.baseAddress {
                var writer = RawWriter(base)
                writer.putData(value)
                count = writer.count
            }
            return count
        }
        #expect(count > 0)
        #expect(count <= value.bytesMax)
    }

    @Test func theFixedTextOfTheLongestFramesFitsInItsRoom() throws {
        let position = Position(epoch: "", offset: .max)
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        let texts = try [
            Written.text { buffer in
                "1".withBytes {
                    buffer.writeValueAck(id: $0, topic: [], position: position, timestamp: .max, value: .none)
                }
            },
            Written.text {
                $0.writeMessage(topic: [], offset: .max, timestamp: .max, value: .json(none), isRetained: true)
            },
            Written.text { buffer in "1".withBytes { buffer.writePublishAck(id: $0, offset: .max, value: .none) } },
        ]
        #expect(texts.allSatisfy { $0.utf8.count <= ByteBuffer.fixedTextMax })
    }

    @Test(arguments: [0, 100, 65_000, 70_000])
    func dataOfAnyLengthIsWritten(length: Int) throws {
        let data = "\"\(String(repeating: "x", count: length))\""
        let text = try Written.text { buffer in
            data.withBytes {
                buffer.writeMessage(
                    topic: Array(repeating: 0x22, count: 255),
                    offset: 1,
                    timestamp: 2,
                    value: .json($0)
                )
            }
        }
        #expect(text.hasSuffix(#","data":\#(data)}"#))
        #expect(ReferenceJSON.parse(Array(text.utf8)) != nil)
    }
}
