import BrokerWire
import Testing

@Suite("Raw writer")
struct RawWriterTests {
    private func text(_ body: (inout RawWriter) -> Void) -> String {
        withUnsafeTemporaryAllocation(byteCount: 256, alignment: 1) { target in
            guard let base = target.baseAddress else { return "" }
            var writer = RawWriter(base)
            body(&writer)
            return String(decoding: target[..<writer.count], as: UTF8.self)
        }
    }

    @Test func piecesFollowEachOther() {
        let text = self.text { writer in
            writer.put("{\"n\":")
            writer.put(UInt64.max)
            writer.put(Array(",é".utf8))
            writer.put(UInt8(ascii: "}"))
        }
        #expect(text == "{\"n\":18446744073709551615,é}")
    }

    @Test func nothingIsWrittenForNothing() {
        let text = self.text { writer in
            writer.put("")
            writer.put([UInt8]())
            writer.put(UnsafeRawBufferPointer(start: nil, count: 0))
        }
        #expect(text.isEmpty)
    }

    @Test func aDecimalIsWrittenAsAJSONNumber() {
        #expect(self.text { $0.put(ExactDecimal(units: -15, scale: 1)) } == "-1.5")
    }

    @Test func aTopicIsWrittenWithItsQuotesAndBackslashesEscaped() {
        #expect(self.text { $0.putTopic(Array(#"a"b\c/é"#.utf8)) } == #"a\"b\\c/é"#)
    }
}
