import BrokerTestKit
import Foundation
import Testing

/// `wsbroker config check`, and that a start says the same.
@Suite("Checking a configuration", .timeLimit(.minutes(5)))
struct ConfigCheckTests {
    private typealias End = (status: Int32, output: String, errors: String)

    /// Runs with these files, of which `config.json` is the configuration.
    private func withFiles(_ files: [String: String], _ body: (URL) async throws -> Void) async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files {
            let path = folder.appendingPathComponent(name).path
            try #require(FileManager.default.createFile(atPath: path, contents: Data(text.utf8)))
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
        }
        try await body(folder)
    }

    private func wsbroker(_ arguments: [String], in folder: URL) async throws -> End {
        await (try ChildProcess("wsbroker", arguments, in: folder)).wait()
    }

    private func check(_ folder: URL) async throws -> End {
        try await self.wsbroker(["config", "check", "config.json"], in: folder)
    }

    /// What a broker logs that starts with the configuration and is stopped again.
    private func startedLog(_ folder: URL) async throws -> String {
        let broker = try await ChildProcess.broker(in: folder, ["--config", "config.json"])
        broker.process.signal(SIGTERM)
        return await broker.process.wait().errors
    }

    private static let webTokens = #"{"auth":{"jwt":{"keys":"jwks.json","issuer":"i","audience":"a"}}}"#

    @Test func whatIsWrongWithFilesOfCredentialsIsSaidAsTheStartSaysIt() async throws {
        let auth = """
            {"auth":{"tokens":"tokens.json","jwt":{"keys":"jwks.json","issuer":"i","audience":"a"}},
             "listen":{"tls":{"certificate":"missing.pem","key":"missing.key"}}}
            """
        let files = [
            "config.json": auth, "tokens.json": #"{"tokens":[{"name":"a b","sha256":"1"}]}"#,
            "jwks.json": #"{"keys":[{"kty":"RSA","alg":"RS256"}]}"#,
        ]
        try await self.withFiles(files) { folder in
            for arguments in [["config", "check", "config.json"], ["--config", "config.json"]] {
                let end = try await self.wsbroker(arguments, in: folder)
                #expect(end.status == 78 && end.output == "")
                for problem in [
                    "tokens.json: tokens[0].name: has to be", "tokens.json: tokens[0].sha256: has to be",
                    "jwks.json: keys[0].n: has to be bytes", "jwks.json: keys[0].e: has to be bytes",
                    "listen.tls.certificate: 'missing.pem' can not be read",
                    "listen.tls.key: 'missing.key' can not be read",
                ] { #expect(end.errors.contains(problem), "missing '\(problem)' in: \(end.errors)") }
            }
        }
    }

    @Test func aVariableOfTokensThatIsNotThereIsAMistake() async throws {
        try await self.withFiles(["config.json": #"{"auth":{"tokensVariable":"TOKENS"}}"#]) { folder in
            let end = try await self.check(folder)
            #expect(end.status == 78)
            #expect(end.errors.contains("auth.tokensVariable: there is no variable 'TOKENS'"), "\(end)")
            let right = try ChildProcess(
                "wsbroker",
                ["config", "check", "config.json"],
                in: folder,
                environment: ["TOKENS": #"{"tokens":[]}"#]
            )
            #expect(await right.wait().status == 0)
        }
    }

    @Test func whatIsLeftOutOfAKeySetIsSaidByCheckAndStart() async throws {
        let keys = """
            {"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"\(String(repeating: "A", count: 43))"},
             {"kty":"EC","alg":"ES384","crv":"P-384","kid":"new","x":"AA","y":"AA"}]}
            """
        try await self.withFiles(["config.json": Self.webTokens, "jwks.json": keys]) { folder in
            let warning = "jwks.json: keys[1] 'new' is left out: its algorithm is ES384"
            let end = try await self.check(folder)
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.errors.contains("wsbroker: warning: \(warning)"), "\(end.errors)")
            #expect(try await self.startedLog(folder).contains(warning))
        }
    }

    @Test func rulesThatCanNeverApplyAreSaidByCheckAndStart() async throws {
        let rules = """
            {"auth":{"tokens":"tokens.json","rules":[
             {"allow":["publish"],"principal":"me/*","topics":["a"]},
             {"allow":["publish"],"topics":["a/{claim.plant}/b","c"]},
             {"allow":["publish"],"topics":["d/%u"]},
             {"allow":["publish"],"principal":"me@*","topics":["e/{sub}"]}]}}
            """
        try await self.withFiles(["config.json": rules, "tokens.json": #"{"tokens":[]}"#]) { folder in
            let end = try await self.check(folder)
            #expect(end.status == 0, "\(end.errors)")
            let paths = ["auth.rules[0].principal", "auth.rules[1].topics[0]", "auth.rules[2].topics[0]"]
            let lines = end.errors.split(separator: "\n").map(String.init)
            #expect(lines.count == 3, "\(end.errors)")
            for (line, path) in zip(lines, paths) { #expect(line.hasPrefix("wsbroker: warning: \(path): "), "\(line)") }
            let log = try await self.startedLog(folder)
            for path in paths { #expect(log.contains(path), "\(log)") }
        }
    }

    @Test func aFileThatCanNotBeReadIsNamedInPlainWords() async throws {
        let files = ["config.json": Self.webTokens, "file": "", "jwks.json": "{}"]
        try await self.withFiles(files) { folder in
            for (path, reason) in [
                ("nothing.json", "No such file or directory"), ("file/config.json", "Not a directory"),
                (".", "it is a folder"),
            ] {
                for arguments in [["config", "check", path], ["--config", path], ["topics", "--config", path]] {
                    let end = try await self.wsbroker(arguments, in: folder)
                    #expect(end.status == 78)
                    #expect(
                        end.errors == "wsbroker: the configuration is wrong:\n  \(path) can not be read: \(reason)\n"
                    )
                }
            }
        }
    }

    /// Root reads everything, so it becomes somebody else first.
    @Test(.enabled(if: geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")))
    func aFileThatIsForOthersIsSaidToBe() async throws {
        let program = ChildProcess.productsFolder.appendingPathComponent("wsbroker").path
        try await self.withFiles(["config.json": "{}", "tokens.json": "{}"]) { folder in
            try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path)
            let become = ["--reuid=65534", "--regid=65534", "--clear-groups", program]
            let config = folder.appendingPathComponent("config.json").path
            let end = await (try ChildProcess("/usr/bin/setpriv", become + ["config", "check", config], in: folder))
                .wait()
            #expect(end.errors.hasSuffix("\(config) can not be read: Permission denied\n"), "\(end)")
            let tokens = folder.appendingPathComponent("tokens.json").path
            let check = ["token", "check", "--file", tokens]
            let other = await (try ChildProcess("/usr/bin/setpriv", become + check, in: folder)).wait()
            #expect(other.errors.contains("\(tokens) can not be read: Permission denied\n"), "\(other)")
        }
    }
}
