import BrokerClient
import BrokerTestKit
import Foundation
import Testing

/// A broker with a client whose tokens come and go, and with `ops`, whose token stays.
enum ChangingTokens {
    static let first = "token-1"
    static let second = "token-2"
    static let third = "token-3"

    /// Until when a token counts.
    enum End {
        case never
        /// Sooner than the broker's notice, which therefore comes at once, and later than any test takes.
        case soon
        case over

        var field: String {
            switch self {
            case .never: ""
            case .soon: #","expires":"\#(Date().addingTimeInterval(25).formatted(.iso8601))""#
            case .over: #","expires":"2020-01-01T00:00:00Z""#
            }
        }
    }

    /// SHA-256 of the tokens.
    private static let hashes = [
        first: "3f08aace122ee2368432c1ca23a049bc640bafbf00fdf33a52429f38ba12dbf9",
        second: "0f6bffa9661cb5dd2f3f7b2929f33061f58a7ba7fdd689530b1a306f8ed8f3ec",
        third: "a2f2b0b588bcc84fbf4d2ac8cc086b6f84de3e00fa3c1ba11e38ac078eb03192",
    ]

    /// A token list; tokens without an end are not in it.
    static func list(_ ends: [String: End]) -> String {
        let entries = ends.compactMap { token, end in
            Self.hashes[token].map { #"{"name":"client","sha256":"\#($0)"\#(end.field)}"# }
        }
        let ops = AccessFixture.tokens().replacing("]}", with: "")
        return ([ops] + entries).joined(separator: ",") + "]}"
    }

    /// Runs a broker that lets in nobody without a token, and each token's owner to everything.
    static func run(body: @escaping @Sendable (TestBroker) async throws -> Void) async throws {
        try await TestBroker.run(
            topics: AccessFixture.topics,
            auth: #"{"tokens":"FOLDER/tokens.json"}"#,
            files: ["tokens.json": Self.list([Self.first: .never])],
            body: body
        )
    }
}

extension TestBroker {
    /// Has the broker judge by another token list.
    func change(tokens ends: [String: ChangingTokens.End]) async throws {
        let file = self.folder.appendingPathComponent("tokens.json")
        try Data(ChangingTokens.list(ends).utf8).write(to: file, options: .atomic)
        #expect(try await AccessFixture.reload(self) == 200)
    }

    /// Adds `number` to the clicks as `ops`; returns the total.
    @discardableResult
    func click(_ number: Int = 1) async throws -> Int? {
        let headers = AccessFixture.bearer(AccessFixture.admin)
        return try await WireClient.run(port: self.port, headers: headers) { client in
            let answer = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":\#(number)}"#)
            return JSONField.integer("data", in: answer)
        }
    }

    /// How a client of the library reaches it, over TLS where the suite is run over TLS.
    var clientConfiguration: ClientConfiguration {
        let authority = TestTLS.authority(for: self.port)
        var configuration = ClientConfiguration(address: BrokerAddress(port: self.port, isSecure: authority != nil))
        configuration.tls.authorityFile = authority
        configuration.backoff = ReconnectBackoff(base: .milliseconds(1), max: .milliseconds(100))
        return configuration
    }
}
