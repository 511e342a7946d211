import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Tokens and keys that are read at the start, and again while the broker runs.
@Suite("Credentials at start and reload", .timeLimit(.minutes(5)))
struct CredentialReloadTests {
    private typealias End = (status: Int32, output: String, errors: String)

    private static let list = #"{"tokens":[{"name":"a","sha256":"\#(String(repeating: "0", count: 64))"}]}"#
    private static let longer = list.replacing(
        "]}",
        with: #",{"name":"a","sha256":"\#(String(repeating: "1", count: 64))"}]}"#
    )

    private func write(_ text: String, _ name: String, _ folder: URL) throws {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }

    private func reload(_ broker: TestBroker) async throws -> End {
        let options = ["--json", "--set", "admin.port=\(broker.adminPort)"]
        return await (try ChildProcess("wsbroker", ["reload"] + options, in: broker.folder)).wait()
    }

    @Test func aChangedFileIsReadAgainAndAWrongOneChangesNothing() async throws {
        let tokens = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: tokens) }
        try self.write(Self.list, "tokens.json", tokens)
        let path = tokens.appendingPathComponent("tokens.json").path
        let settings = ["auth.tokens=\(path)"]
        try await TestBroker.run(settings: settings, rights: #"["publish"]"#) { broker async throws in
            #expect(try await self.reload(broker).output.contains(#""changed":[]"#))
            try self.write(Self.longer, "tokens.json", tokens)
            #expect(try await self.reload(broker).output.contains(#""changed":["auth.tokens"]"#))
            try self.write(Self.longer.replacing(#""name":"a""#, with: #""name":" ""#), "tokens.json", tokens)
            let wrong = try await self.reload(broker)
            #expect(wrong.status == 1)
            for place in ["tokens[0].name: has to be", "tokens[1].name: has to be"] {
                #expect(wrong.errors.contains(place), "\(wrong.errors)")
            }
            // It has kept what it had: nothing is new about this.
            try self.write(Self.longer, "tokens.json", tokens)
            #expect(try await self.reload(broker).output.contains(#""changed":[]"#))
            try FileManager.default.removeItem(atPath: path)
            #expect(try await self.reload(broker).errors.contains("can not be read: No such file or directory"))
        }
    }

    /// Where credentials are asked for, nobody is let in without any: what was so before ends with the reload.
    @Test func credentialsThatAreNewAreTakenOverAndNobodyIsLetInWithoutThem() async throws {
        try await TestBroker.run { broker async throws in
            try self.write(Self.list, "tokens.json", broker.folder)
            let path = broker.folder.appendingPathComponent("tokens.json").path
            try self.write(#"{"auth":{"tokens":"\#(path)"}}"#, "config.json", broker.folder)
            try await WireClient.run(port: broker.port) { client async throws in
                _ = try await client.ask(#"{"op":"sub","id":1,"topic":"clicks"}"#)
                #expect(
                    try await self.reload(broker).output.contains(
                        #""changed":["auth.anonymous","auth.tokens"],"needsRestart":[]"#
                    )
                )
                #expect(try await client.closeCode() == CloseCode(.unauthenticated))
            }
            #expect(try await self.reload(broker).output.contains(#""changed":[],"needsRestart":[]"#))
        }
    }

    /// It has asked for nothing yet, so it is nobody's client so far.
    @Test func whoHasSaidNothingSoFarHasToSayInTimeWhoItIs() async throws {
        let settings = ["limits.handshakeTimeout=4s"]
        try await TestBroker.run(settings: settings) { broker async throws in
            try self.write(AccessFixture.tokens(), "tokens.json", broker.folder)
            let path = broker.folder.appendingPathComponent("tokens.json").path
            try self.write(#"{"auth":{"tokens":"\#(path)"}}"#, "config.json", broker.folder)
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await self.reload(broker).status == 0)
                #expect(JSONField.integer("code", in: try await client.receive()) == 4100)
                #expect(try await client.closeCode() == CloseCode(.unauthenticated))
            }
        }
    }

    @Test func whoSaysItThenGoesOn() async throws {
        try await TestBroker.run { broker async throws in
            try self.write(AccessFixture.tokens(), "tokens.json", broker.folder)
            let path = broker.folder.appendingPathComponent("tokens.json").path
            try self.write(#"{"auth":{"tokens":"\#(path)"}}"#, "config.json", broker.folder)
            try await WireClient.run(port: broker.port) { client async throws in
                #expect(try await self.reload(broker).status == 0)
                let welcome = try await client.ask(#"{"op":"hello","v":1,"token":"\#(AccessFixture.meter)"}"#)
                #expect(JSONField.string("principal", in: welcome) == "meter-1")
            }
        }
    }

    /// An issuer's new key of a kind that we do not verify does not stand in the way of those that come with it.
    @Test func aKeyOfAnotherKindDoesNotBlockARotation() async throws {
        @Sendable func secret(_ letter: String) -> String {
            let k = String(repeating: letter, count: 43)
            return #"{"kty":"oct","alg":"HS256","kid":"\#(letter)","k":"\#(k)"}"#
        }
        let other = #"{"kty":"EC","alg":"ES384","crv":"P-384","kid":"new","x":"AA","y":"AA"}"#
        let auth = #"{"anonymous":["publish"],"jwt":{"keys":"FOLDER/jwks.json","issuer":"i","audience":"a"}}"#
        let files = ["jwks.json": #"{"keys":[\#(secret("A"))]}"#]
        try await TestBroker.run(auth: auth, files: files) { broker async throws in
            try self.write(#"{"keys":[\#(secret("A")),\#(other),\#(secret("E"))]}"#, "jwks.json", broker.folder)
            let added = try await self.reload(broker)
            #expect(added.output.contains(#""changed":["auth.jwt.keys"]"#), "\(added)")
            try self.write(#"{"keys":[\#(other)]}"#, "jwks.json", broker.folder)
            let none = try await self.reload(broker)
            #expect(none.status == 1)
            #expect(none.errors.contains("keys[0] 'new' is left out: its algorithm is ES384"), "\(none)")
        }
    }

    /// Another day for its end: for who is connected, too.
    @Test func anEndThatTheListHasNowCountsForWhoIsConnected() async throws {
        try await AccessFixture.run { broker async throws in
            try await WireClient.run(port: broker.port, headers: AccessFixture.bearer(AccessFixture.meter)) {
                client async throws in
                _ = try await client.ask(#"{"op":"ping","id":1}"#)
                let ended = AccessFixture.tokens().replacing(
                    #"{"name":"meter-1","#,
                    with: #"{"name":"meter-1","expires":"2020-01-01T00:00:00Z","#
                )
                try self.write(ended, "tokens.json", broker.folder)
                #expect(try await AccessFixture.reload(broker) == 200)
                #expect(try await client.closeCode() == CloseCode(.tokenExpired))
            }
        }
    }

    @Test func aBrokerDoesNotStartWithAWrongFile() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try self.write("", "tokens.json", folder)
        try self.write("{}", "jwks.json", folder)
        try self.write(
            #"{"auth":{"tokens":"tokens.json","jwt":{"keys":"jwks.json","issuer":"i","audience":"a"}}}"#,
            "config.json",
            folder
        )
        let options = ["--config", "config.json", "--port", "0", "--set", "admin.port=0", "--store", "store.db"]
        let end = await (try ChildProcess("wsbroker", options, in: folder)).wait()
        #expect(end.status == 78)
        #expect(end.errors.contains("tokens.json: is empty"), "\(end.errors)")
        #expect(end.errors.contains("jwks.json: has to be a JSON Web Key Set"), "\(end.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.appendingPathComponent("store.db").path))
    }

    @Test func aFileThatEverybodyCanReadIsWarnedOf() async throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        try self.write(Self.list, "tokens.json", folder)
        let path = folder.appendingPathComponent("tokens.json").path
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        let (broker, _) = try await ChildProcess.broker(in: folder, ["--set", "auth.tokens=tokens.json"])
        broker.signal(SIGTERM)
        let end = await broker.wait()
        #expect(end.status == 0)
        #expect(end.errors.contains("chmod o= tokens.json"), "\(end.errors)")
    }
}
