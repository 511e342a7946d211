import BrokerTestKit
import Foundation
import Testing

/// `wsbroker token` as an operator runs it.
@Suite("Token commands", .timeLimit(.minutes(5)))
struct TokenCommandTests {
    private typealias End = (status: Int32, output: String, errors: String)

    private func token(
        _ arguments: [String],
        in folder: URL,
        input: String = "",
        environment: [String: String] = [:]
    ) async throws -> End {
        let tool = try ChildProcess("wsbroker", ["token"] + arguments, in: folder, environment: environment)
        // Who needs no input may be gone already.
        try? tool.write(input)
        try tool.closeInput()
        return await tool.wait()
    }

    private func inFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    @Test func aNewTokenIsPrintedOnceAndItsHashIsInTheFile() async throws {
        try await self.inFolder { folder in
            let end = try await self.token(["create", "meter-17", "--file", "tokens.json"], in: folder)
            #expect(end.status == 0, "\(end.errors)")
            let token = end.output.trimmingCharacters(in: .newlines)
            #expect(end.output == token + "\n")
            #expect(token.hasPrefix("wsb_"))
            #expect(token.utf8.count == 47, "32 bytes in base64url")
            #expect(end.errors.contains("'meter-17'"))
            let text = try String(contentsOf: folder.appendingPathComponent("tokens.json"), encoding: .utf8)
            #expect(!text.contains(token) && !end.errors.contains(token))
            let check = try await self.token(["check", "--file", "tokens.json"], in: folder, input: token + "\n")
            #expect(check.status == 0)
            #expect(check.output == "meter-17: a token, without an end\n")
            // A second one of the same name counts beside it.
            let second = try await self.token(["create", "meter-17", "--file", "tokens.json"], in: folder).output
            #expect(second != end.output)
            for input in [token, second] {
                let end = try await self.token(["check", "--file", "tokens.json"], in: folder, input: input)
                #expect(end.status == 0)
            }
        }
    }

    private func status(_ path: String) throws -> stat {
        var status = stat()
        try #require(lstat(path, &status) == 0)
        return status
    }

    @Test func aFileThatIsThereKeepsItsModeAndItsOwnerAndANewOneIsForItsOwnerAlone() async throws {
        try await self.inFolder { folder in
            let path = folder.appendingPathComponent("tokens.json").path
            #expect(try await self.token(["create", "a", "--file", "tokens.json"], in: folder).status == 0)
            #expect(try self.status(path).st_mode & 0o7777 == 0o600)
            let (owner, group): (uid_t, gid_t) = geteuid() == 0 ? (65534, 65533) : (geteuid(), getegid())
            for mode: mode_t in [0o640, 0o604, 0o400] {
                try #require(chmod(path, mode) == 0 && chown(path, owner, group) == 0)
                let end = try await self.token(["create", "b", "--file", "tokens.json"], in: folder)
                // Who is not root gives nothing away, and does not have to.
                #expect(end.status == 0, "\(end.errors)")
                let after = try self.status(path)
                #expect(after.st_mode & 0o7777 == mode)
                #expect(after.st_uid == owner && after.st_gid == group)
            }
        }
    }

    @Test(.enabled(if: geteuid() == 0 && FileManager.default.isExecutableFile(atPath: "/usr/bin/setpriv")))
    func anOwnerThatCanNotBeKeptIsAnErrorAndChangesNothing() async throws {
        try await self.inFolder { folder in
            let path = folder.appendingPathComponent("tokens.json").path
            try Data(#"{"tokens":[]}"#.utf8).write(to: URL(fileURLWithPath: path))
            // Theirs is the folder, and the file is somebody else's.
            try #require(chmod(path, 0o644) == 0 && chown(folder.path, 65534, 65534) == 0)
            let program = ChildProcess.productsFolder.appendingPathComponent("wsbroker").path
            let become = ["--reuid=65534", "--regid=65534", "--clear-groups", program]
            let arguments = become + ["token", "create", "a", "--file", path]
            let end = await (try ChildProcess("/usr/bin/setpriv", arguments, in: folder)).wait()
            #expect(end.status == 1 && end.output == "")
            #expect(end.errors.contains("can not have the owner and the group of \(path)"), "\(end.errors)")
            #expect(try String(contentsOfFile: path, encoding: .utf8) == #"{"tokens":[]}"#)
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["tokens.json"])
        }
    }

    /// The file of a link is written where it is, and the link stays.
    @Test(arguments: [true, false]) func aSymbolicLinkStaysOne(isThere: Bool) async throws {
        try await self.inFolder { folder in
            let (first, second) = (folder.appendingPathComponent("tokens.json").path, "real/tokens.json")
            let other = folder.appendingPathComponent("other.json").path
            let real = folder.appendingPathComponent(second).path
            let files = FileManager.default
            try files.createDirectory(
                atPath: folder.appendingPathComponent("real").path,
                withIntermediateDirectories: true
            )
            if isThere { try Data(#"{"tokens":[]}"#.utf8).write(to: URL(fileURLWithPath: real)) }
            // One link that is relative to its folder, and one in front of it.
            try files.createSymbolicLink(atPath: other, withDestinationPath: second)
            try files.createSymbolicLink(atPath: first, withDestinationPath: other)
            let end = try await self.token(["create", "a", "--file", "tokens.json"], in: folder)
            #expect(end.status == 0, "\(end.errors)")
            for link in [first, other] { #expect(try self.status(link).st_mode & S_IFMT == S_IFLNK) }
            #expect(try self.status(real).st_mode & S_IFMT == S_IFREG)
            #expect(try String(contentsOfFile: real, encoding: .utf8).contains(#""name" : "a""#))
            #expect(
                try files.contentsOfDirectory(atPath: folder.path).sorted() == ["other.json", "real", "tokens.json"]
            )
        }
    }

    @Test func withoutAFileTheEntryIsPrintedAndFitsIntoOne() async throws {
        try await self.inFolder { folder in
            let end = try await self.token(["create", "meter-17", "--expires", "90d"], in: folder)
            let lines = end.output.split(separator: "\n").map(String.init)
            try #require(lines.count == 2 && end.status == 0)
            let file = folder.appendingPathComponent("tokens.json")
            try Data(#"{"tokens":[\#(lines[1])]}"#.utf8).write(to: file)
            let check = try await self.token(["check", "--file", "tokens.json"], in: folder, input: lines[0])
            #expect(check.output.hasPrefix("meter-17: a token, until 2"), "\(check)")
        }
    }

    @Test func whatIsNotTakenIsSaidWithAStatusOfOne() async throws {
        try await self.inFolder { folder in
            _ = try await self.token(["create", "a", "--file", "tokens.json"], in: folder)
            let end = try await self.token(["check", "--file", "tokens.json"], in: folder, input: "wsb_wrong")
            #expect(end == (1, "", "wsbroker: the token is not known (token_invalid)\n"))
            let old = """
                {"tokens":[{"name":"a","expires":"2020-01-01T00:00:00Z",
                 "sha256":"2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"}]}
                """
            try Data(old.utf8).write(to: folder.appendingPathComponent("old.json"))
            let expired = try await self.token(["check", "--file", "old.json"], in: folder, input: "secret")
            #expect(expired.status == 1)
            #expect(expired.errors.contains("the token of 'a' has expired (token_expired)"))
        }
    }

    @Test func theVariableIsTakenWhereThereIsNoInput() async throws {
        try await self.inFolder { folder in
            let token = try await self.token(["create", "a", "--file", "tokens.json"], in: folder).output
            let environment = ["WSBROKER_TOKEN": token]
            let end = try await self.token(["check", "--file", "tokens.json"], in: folder, environment: environment)
            #expect(end.status == 0)
            let both = try await self.token(
                ["check", "--file", "tokens.json"],
                in: folder,
                input: "wrong\n",
                environment: environment
            )
            #expect(both.status == 1, "what is written counts")
            #expect(try await self.token(["check", "--file", "tokens.json"], in: folder).status == 64)
        }
    }

    @Test(arguments: [
        ["create", "anonymous"], ["create", "a b"], ["create", ""], ["create", "a", "--expires", "90"],
        ["create", "a", "--expires", "0s"], ["create", "a", "--expires", "500ms"], ["create"],
    ])
    func wrongUsageIsSixtyFourAndMakesNoToken(arguments: [String]) async throws {
        try await self.inFolder { folder in
            let end = try await self.token(arguments + ["--file", "tokens.json"], in: folder)
            #expect(end.status == 64)
            #expect(end.output == "")
            #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == [])
        }
    }

    @Test func aWrongFileIsLeftAsItIsAndNoTokenIsTold() async throws {
        try await self.inFolder { folder in
            try Data("{".utf8).write(to: folder.appendingPathComponent("tokens.json"))
            let end = try await self.token(["create", "a", "--file", "tokens.json"], in: folder)
            #expect(end.status == 78 && end.output == "")
            #expect(end.errors.contains("tokens.json: is not JSON"))
            #expect(try await self.token(["check", "--file", "tokens.json"], in: folder, input: "a").status == 78)
            let nowhere = try await self.token(["create", "a", "--file", "nowhere/tokens.json"], in: folder)
            #expect(nowhere.status == 1 && nowhere.output == "")
            #expect(nowhere.errors.contains("No such file or directory"))
        }
    }

    @Test func aWebTokenThatPythonSignsIsJudgedByTheConfiguration() async throws {
        try await self.inFolder { folder in
            let script = """
                import base64, hashlib, hmac, json, time
                def b64(data): return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
                key = b"0123456789abcdef0123456789abcdef"
                json.dump({"keys": [{"kty": "oct", "alg": "HS256", "kid": "k", "k": b64(key)}]}, open("jwks.json", "w"))
                now = int(time.time())
                claims = {"sub": "meter 17", "iss": "i", "aud": "a", "iat": now, "exp": now + 600, "plant": "north"}
                text = ".".join(b64(json.dumps(part).encode()) for part in ({"alg": "HS256", "kid": "k"}, claims))
                print(text + "." + b64(hmac.digest(key, text.encode(), "sha256")))
                """
            let token = await (try ChildProcess("/usr/bin/env", ["python3", "-c", script], in: folder)).wait()
            #expect(token.status == 0, "\(token.errors)")
            let configuration = #"{"auth":{"jwt":{"keys":"jwks.json","issuer":"i","audience":"a"}}}"#
            try Data(configuration.utf8).write(to: folder.appendingPathComponent("config.json"))
            let end = try await self.token(["check", "--config", "config.json"], in: folder, input: token.output)
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.output.hasPrefix("meter 17: a JSON Web Token, until 2"))
            #expect(end.output.hasSuffix("\n  plant: north\n"))
            let none = String(token.output.prefix { $0 != "." }) + ".e30."
            let forged = try await self.token(["check", "--config", "config.json"], in: folder, input: none)
            #expect(forged.status == 1)
        }
    }

    /// With the tools that it names, as a reader runs it.
    @Test func theExampleInTheDocumentationWorks() async throws {
        try await self.inFolder { folder in
            let page = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .deletingLastPathComponent().appendingPathComponent("docs/authentication.md")
            let text = try String(contentsOf: page, encoding: .utf8)
            let script = try #require(
                text.components(separatedBy: "```sh\n").dropFirst().first?.components(separatedBy: "\n```").first
            )
            let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
            let shell = try ChildProcess(
                "/bin/sh",
                ["-ec", script],
                in: folder,
                environment: ["PATH": "\(ChildProcess.productsFolder.path):\(path)"]
            )
            try shell.closeInput()
            let end = await shell.wait()
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.output.hasPrefix("meter-17: a JSON Web Token, until 2"), "\(end)")
        }
    }
}
