import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("Message format")
struct MessageFormatTests {
    private func text(_ format: MessageFormat, _ data: String) throws -> String {
        let message = Message(topic: try Topic("a/b"), offset: 12, data: Array(data.utf8))
        var bytes: [UInt8] = []
        format.append(message, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test(arguments: [
        ("5", "5"), (#""x""#, "x"), (#""""#, ""), (#"{"a":"b"}"#, #"{"a":"b"}"#), ("null", "null"),
        (#""a\n\"b\u00e9\ud83d\ude00""#, "a\n\"bé😀"),
    ])
    func aPayloadIsPrintedAsAPersonReadsIt(data: String, expected: String) throws {
        #expect(try self.text(MessageFormat(isVerbose: false), data) == expected + "\n")
        #expect(try self.text(MessageFormat(isVerbose: true), data) == "a/b \(expected)\n")
    }

    @Test(arguments: [
        ("", "\n"), ("%t", "a/b\n"), ("%p", "x\n"), ("%j", "\"x\"\n"), ("%o", "12\n"), ("%%t", "%t\n"),
        (#"%o\t%t\n[%j]\\é"#, "12\ta/b\n[\"x\"]\\é\n"), (#"%p\0"#, "x\0\n"),
    ])
    func fieldsAndEscapesStandForWhatTheySay(format: String, expected: String) throws {
        #expect(try self.text(MessageFormat(format), #""x""#) == expected)
    }

    @Test(arguments: [
        ("%x", "'%x' means nothing; there are %t, %p, %j, %o and %%"),
        ("a%", "'%' stands at the end; there are %t, %p, %j, %o and %%"),
        (#"\q"#, #"'\q' means nothing; there are \n, \t, \r, \0 and \\"#),
    ])
    func whatMeansNothingIsNamed(format: String, expected: String) {
        let error = #expect(throws: FormatError.self) { try MessageFormat(format) }
        #expect(error?.description == expected)
    }

    @Test(arguments: [
        ("6", "6"), ("-1.5e3", "-1.5e3"), (#"{"a":[1]}"#, #"{"a":[1]}"#), (#""x""#, #""x""#), ("null", "null"),
        ("hello", #""hello""#), ("", #""""#), ("007", #""007""#), ("a\"b\n", #""a\"b\n""#), ("1 2", #""1 2""#),
    ])
    func whatIsNotJSONIsSentAsAString(text: String, expected: String) throws {
        let json = try PayloadText.json(of: Array(text.utf8)[...])
        #expect(String(decoding: json, as: UTF8.self) == expected)
    }

    @Test func whatIsNotTextCanNotBeSent() {
        #expect(throws: PayloadError(reason: "it is not UTF-8")) { try PayloadText.json(of: [0xFF]) }
        let deep = [UInt8](repeating: UInt8(ascii: "["), count: 65)
        #expect(throws: PayloadError(reason: "it is nested deeper than 64 levels")) {
            try PayloadText.json(of: deep[...])
        }
    }
}
