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
        ("localhost", "not of the form"), ("http://localhost", "ws:// or wss://"), ("ws://", "no host"),
        ("ws://:80", "no host"), ("ws://h:0", "port"), ("ws://h:65536", "port"), ("wss://h:x", "port"),
        ("ws://h:", "port"), ("ws://[::1", "']'"), ("ws://[::1]x", "behind ']'"), ("ws://h o", "no host"),
        ("ws://h/a b", "path"), ("ws://h/\r\nx", "path"), ("ws://@h", "no user"), ("ws://:secret@h", "no user"),
        ("ws://u:secret%@h", "hexadecimal"), ("ws://u:secret%4@h", "hexadecimal"),
        ("ws://u:secret%4g@h", "hexadecimal"),
        ("ws://u:secret%ff@h", "UTF-8"), ("ws://u%3a:secret@h", "':'"), ("ws://u:secret%0d%0a@h", "control"),
        ("ws://u:secret/x@h", "port"), ("u:secret@h", "not of the form"), ("http://u:secret@h", "wss://"),
        ("ws://u:secret@", "no host"), ("ws://u:secret@h:x", "port"),
    ])
    func anythingElseIsRefusedForItsReasonAndWithoutThePassword(url: String, reason: String) {
        let error = #expect(throws: ClientError.self) { try BrokerAddress(url) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains(reason) == true, "\(error?.message ?? "")")
        #expect(error?.message.contains("secret") == false)
    }

    @Test func wssIsWithTLSOnTheSamePort() throws {
        #expect(try BrokerAddress("wss://h/x") == BrokerAddress(host: "h", path: "/x", isSecure: true))
        #expect(try BrokerAddress("WSS://h:443").origin == "wss://h:443")
        #expect(try !BrokerAddress("ws://h").isSecure)
    }

    @Test(arguments: [
        ("ws://u@h", "u", ""), ("ws://u:@h", "u", ""), ("wss://u:p@h:1/a@b", "u", "p"), ("ws://u:a:b@h", "u", "a:b"),
        ("ws://u%40x:%C3%A4%2F%3a%25@h", "u@x", "ä/:%"), ("ws://a@b:c@h", "a@b", "c"),
    ])
    func aUserAndAPasswordMayStandBeforeTheHost(url: String, user: String, password: String) throws {
        let address = try BrokerAddress(url)
        #expect(address.credentials == .user(user, password: password))
        #expect(address.host == "h")
        #expect(!"\(address)".contains("@"))
    }

    @Test func itIsShownAsHostAndPort() {
        #expect(BrokerAddress(host: "::1", port: 1).description == "[::1]:1")
    }
}
