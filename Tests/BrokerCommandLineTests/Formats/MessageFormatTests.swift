import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("Message format")
struct MessageFormatTests {
    /// 1,795,460,000 seconds after 1970 and 7 milliseconds.
    private static let arrival: UInt64 = 1_795_460_000_007

    private func text(_ format: MessageFormat, _ data: String, exact: String? = nil) throws -> String {
        let message = Message(
            topic: try Topic("a/b"),
            epoch: "k3",
            offset: 12,
            data: Array(data.utf8),
            exact: exact,
            isRetained: true
        )
        var bytes: [UInt8] = []
        format.append(message, arrivedAt: Self.arrival, to: &bytes)
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
        ("", "\n"), ("%t", "a/b\n"), ("%p", "x\n"), ("%d", "\"x\"\n"), ("%o", "12\n"), ("%%t", "%t\n"),
        (#"%o\t%t\n[%d]\\é"#, "12\ta/b\n[\"x\"]\\é\n"), (#"%p\0"#, "x\0\n"), ("%l %r %e", "1 1 k3\n"),
        ("%x %X", "78 78\n"), ("%U", "1795460000.007000000\n"), ("@s @@", "1795460000 @\n"),
        ("%J", #"{"topic":"a/b","epoch":"k3","offset":12,"ts":1795460000007,"retained":true,"data":"x"}"# + "\n"),
        ("%j", #"{"topic":"a/b","epoch":"k3","offset":12,"ts":1795460000007,"retained":true,"payload":"x"}"# + "\n"),
    ])
    func fieldsAndEscapesStandForWhatTheySay(format: String, expected: String) throws {
        #expect(try self.text(MessageFormat(format), #""x""#) == expected)
    }

    @Test(arguments: [
        ("%5o|", "   12|\n"), ("%-5o|", "12   |\n"), ("%05o|", "00012|\n"), ("%-05o|", "12   |\n"),
        ("%05t|", "  a/b|\n"), ("%.2t|", "a/|\n"), ("%5.2t|", "   a/|\n"), ("%.3p|", "äöü|\n"), ("%2o|", "12|\n"),
    ])
    func aFieldIsCutAndFilledUp(format: String, expected: String) throws {
        #expect(try self.text(MessageFormat(format), #""äöüß""#) == expected)
    }

    @Test func theTimeIsThatOfTheBrokerWhereItSaysOne() throws {
        let message = Message(topic: try Topic("a"), offset: 1, timestampMilliseconds: 1_000_000_000_500, data: [0x31])
        var bytes: [UInt8] = []
        try MessageFormat("%U").append(message, arrivedAt: Self.arrival, to: &bytes)
        #expect(String(decoding: bytes, as: UTF8.self) == "1000000000.500000000\n")
        bytes = []
        try MessageFormat("%I").append(message, arrivedAt: Self.arrival, to: &bytes)
        // The zone is the machine's.
        #expect(String(decoding: bytes, as: UTF8.self).hasPrefix("2001-09-0"))
    }

    @Test func aValueKeepsTheDigitsThatADoubleDoesNot() throws {
        #expect(
            try self.text(MessageFormat("%V %p"), "9007199254740992", exact: "9007199254740993").hasPrefix(
                "90071992547409"
                    + "93 "
            )
        )
        #expect(try self.text(MessageFormat("%V"), "5") == "5\n")
    }

    @Test func linesMayBeLeftOutAndJSONSpreadOverThem() throws {
        var format = MessageFormat(isVerbose: false)
        format.endsLine = false
        #expect(try self.text(format, "5") == "5")
        format.isPretty = true
        #expect(
            try self.text(format, #"{"a":[1,{}, []],"b":"{\"x"}"#)
                == """
                {
                  "a": [
                    1,
                    {},
                    []
                  ],
                  "b": "{\\"x"
                }
                """
        )
        #expect(try self.text(format, #""a,b""#) == "a,b")
    }

    @Test(arguments: [
        ("%q", "'%q' means nothing; there are %t %p %d %j %J %l %r %o %e %V %x %X %I %U and %%"),
        ("a%", "'%' stands at the end; there are %t %p %d %j %J %l %r %o %e %V %x %X %I %U and %%"),
        ("@", "'@' stands at the end; there are the letters of strftime, such as @H:@M:@S, and @@"),
        ("@1", "'@1' means nothing; there are the letters of strftime, such as @H:@M:@S, and @@"),
        ("%10001p", "a field is at most 10000 wide"),
        ("%.p", "a '.' of a field is followed by how many characters are printed at most"),
        (#"\q"#, #"'\q' means nothing; there are \n, \t, \r, \a, \e, \0 and \\"#),
    ])
    func whatMeansNothingIsNamed(format: String, expected: String) {
        let error = #expect(throws: FormatError.self) { try MessageFormat(format) }
        #expect(error?.description == expected)
    }

    @Test func theWidestFieldIsTenThousand() throws {
        #expect(try self.text(MessageFormat("%10000p"), "5").count == 10_001)
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
