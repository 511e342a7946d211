import Testing

@testable import BrokerClient

@Suite("Broker address")
struct BrokerAddressTests {
    @Test(arguments: [
        ("ws://localhost", "localhost", 8181, "/"),
        ("WS://localhost:80/", "localhost", 80, "/"),
        ("ws://10.0.0.1:1/ws", "10.0.0.1", 1, "/ws"),
        ("ws://[::1]:9/a/b?c", "::1", 9, "/a/b?c"),
        ("ws://[::1]", "::1", 8181, "/"),
        ("ws://host?x", "host", 8181, "/?x"),
    ])
    func itIsReadFromAURL(url: String, host: String, port: Int, path: String) throws {
        #expect(try BrokerAddress(url) == BrokerAddress(host: host, port: port, path: path))
    }

    @Test(arguments: [
        "localhost", "http://localhost", "wss://localhost", "ws://", "ws://:80", "ws://h:0", "ws://h:65536", "ws://h:x",
        "ws://h:", "ws://[::1", "ws://[::1]x", "ws://user@h", "ws://h o", "ws://h/a b", "ws://h/\r\nx",
    ])
    func anythingElseIsRefused(url: String) {
        let error = #expect(throws: ClientError.self) { try BrokerAddress(url) }
        #expect(error?.code == .invalidArgument)
    }

    @Test func itIsShownAsHostAndPort() {
        #expect(BrokerAddress(host: "::1", port: 1).description == "[::1]:1")
    }
}
