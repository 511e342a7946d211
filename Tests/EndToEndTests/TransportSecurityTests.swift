import BrokerTestKit
import Foundation
import Testing

/// The tools over TLS and with credentials, as their users run them.
@Suite(
    "TLS and credentials of the tools",
    .timeLimit(.minutes(5)),
    .disabled(if: TestTLS.isOn, "what stands in front speaks to the broker without TLS")
)
struct TransportSecurityTests {
    private static func run(
        _ command: [String],
        _ environment: [String: String] = [:]
    ) async throws -> (status: Int32, output: String, errors: String) {
        let tool = try ChildProcess(command[0], Array(command.dropFirst()), environment: environment)
        try tool.closeInput()
        return await tool.wait()
    }

    /// With the SHA-256 of the tokens that the tools are given here.
    private static let tokens = """
        {"tokens":[{"name":"me-S0","sha256":"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"},
         {"name":"me-S1","sha256":"c17c0120df64dfc9739f6b61fe8661a614b6d4d91d5f451409350eecf329f44b"},
         {"name":"me-S2","sha256":"348bd34d0bbf55c6192e7b6da46c73d32e5d84a4978e6a41573117a6d258161b"},
         {"name":"me-S3","sha256":"b33dd8910c8b8a84f9c8b5e5ad1d43cdd39363e79e44b91ed19c50c54c025794"}]}
        """

    private static func withFront(
        as name: String = "server",
        demandsCertificate: Bool = false,
        _ body: @escaping @Sendable (TLSFront, TestCertificates) async throws -> Void
    ) async throws {
        let auth = #"{"anonymous":["publish","subscribe"],"tokens":"FOLDER/tokens.json"}"#
        try await TestBroker.run(auth: auth, files: ["tokens.json": Self.tokens]) { broker async throws in
            let certificates = try await TestCertificates.make()
            let front = try await TLSFront.start(
                before: broker.port,
                certificates,
                as: name,
                demandsCertificate: demandsCertificate
            )
            try await body(front, certificates)
            try await front.stop()
        }
    }

    @Test func aBrokerIsVerifiedByTheFileOfItsAuthority() async throws {
        try await Self.withFront { front, certificates in
            let (url, ca) = ("wss://localhost:\(front.port)/clicks", certificates.certificate("ca"))
            let published = try await Self.run(["wspub", "-L", url, "--cafile", ca, "-m", "6"])
            #expect(published == (0, "6\n", ""))
            // As in mosquitto's tools, an authority is enough to say that TLS is meant.
            let port = ["-h", "127.0.0.1", "-p", "\(front.port)"]
            let seen = try await Self.run(["wssub"] + port + ["--cafile", ca, "-t", "clicks", "-C", "1"])
            #expect(seen == (0, "6\n", ""))
            let measured = try await Self.run([
                "wsbench", "-L", "wss://localhost:\(front.port)/b", "--cafile", ca, "--messages", "100", "--json",
                "--publishers", "3",
            ])
            #expect(measured.status == 0, "\(measured.errors)")
            #expect(measured.output.contains("\"url\":\"wss://localhost:\(front.port)\""))
        }
    }

    @Test(arguments: ["wspub", "wssub", "wsbench"])
    func aBrokerOfAnUnknownAuthorityIsRefusedWithStatusThree(tool: String) async throws {
        try await Self.withFront { front, certificates in
            let arguments = [tool, "-L", "wss://localhost:\(front.port)/a"] + (tool == "wspub" ? ["-m", "1"] : [])
            let end = try await Self.run(arguments)
            #expect(end.status == 3)
            #expect(end.errors.contains("the broker's certificate can not be verified: the authority that issued it"))
            #expect(try await Self.run(arguments + ["--cafile", "/nothing"]).status == 3)
            #expect(try await Self.run(arguments + ["--cafile", "/nothing"]).errors.contains("'/nothing'"))
        }
    }

    @Test func aSelfSignedOneIsTakenOnlyByWhoeverSaysSo() async throws {
        try await Self.withFront(as: "alone") { front, certificates in
            let command = ["wspub", "-L", "wss://localhost:\(front.port)/a", "-m", "1"]
            let refused = try await Self.run(command)
            #expect(refused.status == 3)
            #expect(refused.errors.contains("self-signed"))
            #expect(try await Self.run(command + ["--insecure"]).status == 0)
            #expect(try await Self.run(command + ["--cafile", certificates.certificate("alone")]).status == 0)
        }
    }

    @Test func aCertificateForAnotherNameIsRefused() async throws {
        try await Self.withFront(as: "elsewhere") { front, certificates in
            let url = "wss://localhost:\(front.port)/a"
            let end = try await Self.run(["wspub", "-L", url, "--cafile", certificates.certificate("ca"), "-m", "1"])
            #expect(end.status == 3)
            #expect(end.errors.contains("the broker's certificate is not for 'localhost'"))
        }
    }

    @Test func aClientsCertificateIsShownWhereItIsDemanded() async throws {
        try await Self.withFront(demandsCertificate: true) { front, certificates in
            let url = "wss://localhost:\(front.port)/a"
            let command = ["wspub", "-L", url, "--cafile", certificates.certificate("ca"), "-m", "1"]
            let refused = try await Self.run(command)
            #expect(refused.status == 3)
            #expect(refused.errors.contains("client certificate"), "\(refused.errors)")
            let shown = ["--cert", certificates.certificate("client"), "--key-file", certificates.key("client")]
            #expect(try await Self.run(command + shown).status == 0)
        }
    }

    /// Tokens, users and fields arrive, and nothing that the tool says shows them.
    @Test func credentialsAndFieldsReachTheBrokerAndNobodyElse() async throws {
        try await Self.withFront { front, certificates in
            let file = certificates.file("token")
            try Data("secret.1\nsecond line\n".utf8).write(to: URL(fileURLWithPath: file))
            let ca = certificates.certificate("ca")
            func url(_ user: String) -> String { "wss://\(user)localhost:\(front.port)/a" }
            let cases: [([String], [String: String], String)] = [
                (["-L", url(""), "--token-file", file], [:], "Authorization: Bearer secret.1"),
                (["-L", url(""), "--token", "secret.2"], [:], "Authorization: Bearer secret.2"),
                (["-L", url("")], ["WSBROKER_TOKEN": "secret.3"], "Authorization: Bearer secret.3"),
                (["-L", url(""), "-u", "me", "-P", "secret"], [:], "Authorization: Basic bWU6c2VjcmV0"),
                ([], ["WSBROKER_URL": url("me:secret@")], "Authorization: Basic bWU6c2VjcmV0"),
                (["-L", url(""), "-H", "X-Key: secret.4", "-H", "X-B: c"], [:], "X-Key: secret.4\r\nX-B: c"),
            ]
            for (arguments, environment, field) in cases {
                let end = try await Self.run(["wspub", "-d", "-m", "1", "--cafile", ca] + arguments, environment)
                #expect(end.status == 0, "\(end.errors)")
                #expect(front.requests.last?.contains("\r\n\(field)\r\n") == true)
                #expect(end.errors.contains("wspub: info: connected address=localhost:\(front.port) tls=tlsv13"))
                #expect(!end.errors.contains("secret") && !end.errors.contains("c2VjcmV0"))
            }
        }
    }

    @Test func aTokenThatCanNotBeReadNamesItsFile() async throws {
        let missing = try await Self.run(["wspub", "-t", "a", "-m", "1", "--token-file", "/nothing"])
        #expect(missing == (1, "", "wspub: cannot read /nothing: No such file or directory\n"))
        let empty = try await Self.run(["wssub", "-t", "a", "--token-file", "/dev/null"])
        #expect(empty.status == 1)
        #expect(empty.errors.hasPrefix("wssub: cannot read /dev/null: the token is empty"))
    }
}
