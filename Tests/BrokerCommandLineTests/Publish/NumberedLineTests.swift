import BrokerClient
import Testing

@testable import BrokerCommandLine

@Suite("Numbered lines")
struct NumberedLineTests {
    /// What becomes of the lines of `text` for a run that goes on at line 4 and may judge line 2 again.
    private func lines(_ text: String, bytesMax: Int = 8) -> [NumberedLine] {
        let position = ProducerPosition(epoch: 1, next: 4, refused: [2])
        var splitter = LineSplitter(lineBytesMax: bytesMax, keepsEmpty: true)
        let bytes = Array(text.utf8)
        var index = 0
        var lines: [NumberedLine] = []
        while let line = splitter.next(in: bytes, at: &index) {
            lines.append(NumberedLine(line, bytesMax: bytesMax, after: position))
        }
        if let line = splitter.finish() { lines.append(NumberedLine(line, bytesMax: bytesMax, after: position)) }
        return lines
    }

    private static func publish(_ json: String) throws -> NumberedLine {
        .publish(try PublishRecord(Array(json.utf8)[...], as: .lines))
    }

    @Test func onlyWhatIsNewOrWasRefusedIsPublished() throws {
        #expect(
            try self.lines("1\n2\n3\n4\n5") == [
                .settled, Self.publish("2"), .settled, Self.publish("4"), Self.publish("5"),
            ]
        )
    }

    @Test func whatIsNotJSONIsAStringAndKeepsItsNumber() throws {
        #expect(try self.lines("\n\n\nsix\n7").suffix(2) == [Self.publish(#""six""#), Self.publish("7")])
    }

    @Test func whatCanNotBeSentUsesItsNumberUp() throws {
        #expect(
            try self.lines("1\n2\n3\n\n123456789\n\r\n7").suffix(4) == [
                .passOver(reason: nil), .passOver(reason: "longer than 8 bytes"), .passOver(reason: nil),
                Self.publish("7"),
            ]
        )
    }

    @Test(arguments: [("", nil), ("123456789", "longer than 8 bytes")] as [(String, String?)])
    func whatWasPassedOverBeforeIsNotSentAgain(line: String, reason: String?) {
        #expect(self.lines("1\n\(line)\n3") == [.settled, .passedOver(reason: reason), .settled])
    }

    @Test func bytesThatAreNoTextArePassedOver() throws {
        let position = ProducerPosition(epoch: 1, next: 1)
        let line = LineSplitter.Line(number: 1, bytes: [0xFF])
        #expect(NumberedLine(line, bytesMax: 8, after: position) == .passOver(reason: "it is not UTF-8"))
    }
}
