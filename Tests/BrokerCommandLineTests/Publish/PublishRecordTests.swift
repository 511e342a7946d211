import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("Records of wspub")
struct PublishRecordTests {
    private func record(_ line: String) throws -> PublishRecord {
        // A part of something, as lines are.
        try PublishRecord(Array("xx\(line)".utf8)[2...], as: .jsonLines)
    }

    @Test func aLineOfJSONSaysWhereItGoesAndWhat() throws {
        let record = try self.record(#"{"op":"msg","topic":"a\/\"b","offset":7,"data": {"x":[1]} ,"retain":true}"#)
        #expect(record.topic?.description == #"a/"b"#)
        #expect(String(decoding: record.json, as: UTF8.self) == #"{"x":[1]}"#)
        #expect(record.retain)
        let short = try self.record(#"{"data":null,"retain":1}"#)
        #expect(short.topic == nil && !short.retain)
        #expect(String(decoding: short.json, as: UTF8.self) == "null")
    }

    @Test(arguments: [
        (#"{"topic":"a"}"#, "there is no 'data' in it"), ("5", "there is no 'data' in it"),
        (#"{"topic":"a","data":1"#, "it is not JSON at byte 21"),
        (#"{"topic":5,"data":1}"#, "its 'topic' is no string"),
        (#"{"topic":"a//b","data":1}"#, "its topic has an empty level"),
    ])
    func whatIsWrongIsNamed(line: String, reason: String) {
        let error = #expect(throws: PayloadError.self) { try self.record(line) }
        #expect(error?.reason == reason)
    }

    @Test func piecesEndWithAZeroByteAndMayHaveLines() {
        var splitter = LineSplitter(lineBytesMax: 100, separator: 0)
        let bytes = Array("a\r\nb\r\0\0c".utf8)
        var index = 0
        #expect(splitter.next(in: bytes, at: &index)?.bytes.map { Array($0) } == Array("a\r\nb\r".utf8))
        #expect(splitter.next(in: bytes, at: &index) == nil)
        #expect(splitter.finish()?.bytes.map { Array($0) } == Array("c".utf8))
    }
}
