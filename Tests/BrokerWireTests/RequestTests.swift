import BrokerWire
import Testing

@Suite("Request")
struct RequestTests {
    @Test(arguments: [
        (#"{"op":"pub","topic":"a","data":1}"#, false), (#"{"op":"pub","topic":"a","data":1,"once":"o"}"#, false),
        (#"{"op":"pub","topic":"a","data":1,"id":1}"#, true), (#"{"op":"pub","topic":"a","data":1,"seq":1}"#, true),
        (#"{"op":"get","topic":"a"}"#, true), (#"{"op":"sub","topic":"a"}"#, true), (#"{"op":"ping"}"#, true),
    ])
    func onlyAPublishWithoutNumberIsFireAndForget(message: String, isAnswered: Bool) throws {
        #expect(try ScannedRequest.scan(message).request.isAnswered == isAnswered)
    }
}
