import Testing

@testable import BrokerClient

@Suite("Credentials")
struct ClientCredentialsTests {
    @Test func aTokenIsABearersAndAUserIsBasic() throws {
        #expect(try ClientCredentials.none.authorization() == nil)
        #expect(try ClientCredentials.token("a.b-c").authorization() == "Bearer a.b-c")
        // The example of RFC 7617, section 2.
        let user = ClientCredentials.user("Aladdin", password: "open sesame")
        #expect(try user.authorization() == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
    }

    @Test(arguments: [
        ClientCredentials.token(""), .token("secret secret"), .token("secret\r\nX: y"), .token("secretä"),
        .user("", password: "secret"), .user("a:b", password: "secret"), .user("a", password: "secret\n"),
    ])
    func whatCanNotBeSentIsRefusedWithoutShowingIt(credentials: ClientCredentials) {
        let error = #expect(throws: ClientError.self) { try credentials.check() }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("secret") == false)
    }

    /// Printed, dumped, reflected, inside of others and in an optional.
    @Test func secretsAreNeverShown() throws {
        var configuration = ClientConfiguration(address: try BrokerAddress("wss://me:secret@h"))
        configuration.headers = [try HeaderField(name: "Cookie", value: "secret")]
        for credentials in [ClientCredentials.token("secret"), .user("me", password: "secret")] {
            configuration.credentials = credentials
            let optional: ClientCredentials? = credentials
            var dumped = ""
            dump(credentials, to: &dumped)
            dump(configuration, to: &dumped)
            dump(optional, to: &dumped)
            let printed = "\(credentials) \(configuration) \(configuration.address) \(String(describing: optional))"
            let reflected = String(reflecting: credentials) + String(reflecting: configuration)
            for text in [dumped, printed, reflected, "\(configuration.headers)"] {
                #expect(!text.contains("secret"))
            }
        }
        #expect("\(ClientCredentials.user("me", password: "secret"))" == "user me, password ***")
    }

    @Test(arguments: [
        ("Host", "h"), ("upgrade", "x"), ("Connection", "x"), ("Sec-WebSocket-Key", "x"), ("sec-websocket-x", "x"),
        ("Content-Length", "3"), ("Transfer-Encoding", "chunked"), ("", "x"), ("a b", "x"), ("a:", "x"), ("ä", "x"),
        ("a\r\nb", "x"), ("X", "a\r\nY: b"), ("X", "a\0"), ("X", "\u{7F}"),
    ])
    func aFieldThatWouldBreakTheHandshakeIsRefused(name: String, value: String) {
        let error = #expect(throws: ClientError.self) { try HeaderField(name: name, value: value) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.utf8.allSatisfy { $0 >= 0x20 } == true)
    }

    @Test func anyOtherFieldIsTaken() throws {
        #expect(try HeaderField(name: "X-Forwarded-For", value: "1.2.3.4, \tä").value == "1.2.3.4, \tä")
    }

    @Test func thereIsOnlyOneAuthorization() throws {
        var configuration = ClientConfiguration(address: try BrokerAddress("ws://me:pw@h"))
        #expect(try configuration.requestFields(as: configuration.credentials).map(\.value) == ["Basic bWU6cHc="])
        configuration.credentials = .token("t")
        #expect(try configuration.requestFields(as: configuration.credentials).map(\.value) == ["Bearer t"])
        configuration.headers = [try HeaderField(name: "authorization", value: "Digest x")]
        #expect(throws: ClientError.self) { try configuration.requestFields(as: configuration.credentials) }
        configuration.credentials = .none
        configuration.address.credentials = .none
        #expect(try configuration.requestFields(as: configuration.credentials) == configuration.headers)
    }
}
