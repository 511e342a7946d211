import BrokerWire
import Testing

@testable import BrokerClient

@Suite("Reply scanner")
struct ReplyScannerTests {
    /// Scans a text and gives the values of the fields that a test names.
    private func scan(_ text: String, _ body: (Reply, (ByteRange) -> String) throws -> Void) throws {
        var bytes = text.bytes
        try bytes.withUnsafeMutableBytes { message in
            let reply = try ReplyScanner.scan(message)
            try body(reply) { String(decoding: $0.bytes(in: UnsafeRawBufferPointer(message)), as: UTF8.self) }
        }
    }

    @Test func anAcknowledgementOfAPublish() throws {
        try self.scan(#"{"op":"ack","id":3,"offset":1043,"data":-1.5e3,"exact":"-1500","dup":true}"#) { reply, text in
            #expect(reply.operation == .acknowledgement)
            #expect(reply.id == .publish(3))
            #expect(reply.offset == 1043)
            #expect(text(reply.data) == "-1.5e3")
            #expect(text(reply.exact) == "-1500")
            #expect(reply.isDuplicate)
            #expect(reply.isApplied)
        }
    }

    @Test func aMessageWithItsFieldsInAnyOrder() throws {
        let message =
            #" { "data" : {"a":["}"]} , "retained":true,"ts":1795460000123, "topic":"a\/\"b\u00e9","op":"msg" } "#
        try self.scan(message) { reply, text in
            #expect(reply.operation == .message)
            #expect(text(reply.topic) == #"a/"bé"#)
            #expect(text(reply.data) == #"{"a":["}"]}"#)
            #expect(reply.timestamp == 1_795_460_000_123)
            #expect(reply.isRetained)
            #expect(reply.id == nil)
        }
    }

    @Test func aNameThatBeginsWithAZeroIsAnotherOne() throws {
        try self.scan(#"{"\u0000op":"msg","op":"pong"}"#) { reply, _ in #expect(reply.operation == .pong) }
    }

    @Test func anError() throws {
        let message =
            #"{"op":"err","id":"r12","code":4203,"name":"storage_full","reason":"no\nroom","why":"w","retry":"later","#
            + #""afterMs":2000}"#
        var bytes = message.bytes
        try bytes.withUnsafeMutableBytes { raw in
            let reply = try ReplyScanner.scan(raw)
            #expect(reply.operation == .error)
            #expect(reply.id == .control(12))
            let expected = BrokerRefusal(
                number: 4203,
                name: "storage_full",
                reason: "no\nroom",
                why: "w",
                retry: .later,
                afterMilliseconds: 2000
            )
            #expect(reply.refusal(in: UnsafeRawBufferPointer(raw)) == expected)
        }
    }

    /// A newer broker may add anything.
    @Test(arguments: [
        "{}", #"{"op":"unheard of"}"#, #"{"op":5,"id":-1,"offset":1.5,"topic":[],"retained":"yes","ts":null}"#,
        #"{"op":"a name of more than sixteen bytes","a name of more than sixteen bytes":1}"#,
    ])
    func whatIsUnknownCountsAsAbsent(text: String) throws {
        try self.scan(text) { reply, _ in
            #expect(reply.operation == .unknown)
            #expect(reply.id == nil)
            #expect(reply.offset == 0)
            #expect(reply.topic.isEmpty)
            #expect(!reply.isRetained)
            #expect(reply.timestamp == nil)
        }
    }

    @Test(arguments: [#""r""#, #""rx""#, #""x1""#, #""""#, "99999999999999999", "1.0", "null"])
    func anIDOfSomebodyElseIsNone(id: String) throws {
        try self.scan(#"{"op":"ack","id":\#(id)}"#) { reply, _ in #expect(reply.id == nil) }
    }

    @Test(arguments: ["", "[]", "1", "{", #"{"op":"ack"} x"#, #"{"op":"ack",}"#, #"{"op" "ack"}"#, #"{op:1}"#])
    func whatIsNoObjectIsRefused(text: String) {
        #expect(throws: JSONSkipper.Problem.self) { try self.scan(text) { _, _ in } }
    }

    @Test func theNumberTellsWhatToDoWhereTheBrokerDoesNot() throws {
        var bytes = #"{"op":"err","code":4201}"#.bytes
        try bytes.withUnsafeMutableBytes { raw in
            let refusal = try ReplyScanner.scan(raw).refusal(in: UnsafeRawBufferPointer(raw))
            #expect(refusal == BrokerRefusal(number: 4201, name: "error", reason: "", retry: .later))
            #expect(refusal.code == .overloaded)
        }
    }
}
