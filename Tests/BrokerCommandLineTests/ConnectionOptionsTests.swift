import ArgumentParser
import BrokerClient
import Foundation
import Testing

@testable import BrokerCommandLine

@Suite("Options of the connection")
struct ConnectionOptionsTests {
    private func connection(
        _ arguments: [String],
        _ environment: [String: String] = [:]
    ) throws -> (target: ConnectionTarget, configuration: ClientConfiguration) {
        try ToolEnvironment.$variables.withValue(environment) {
            let options = try ConnectionOptions.parse(arguments)
            return (try options.target(), try options.connection().configuration)
        }
    }

    private func message(_ arguments: [String], _ environment: [String: String] = [:]) -> String? {
        ToolEnvironment.$variables.withValue(environment) {
            do {
                _ = try ConnectionOptions.parse(arguments)
                return nil
            } catch {
                return ConnectionOptions.message(for: error)
            }
        }
    }

    @Test func aURLIsTheBrokerTheUserAndTheTopic() throws {
        let (target, configuration) = try self.connection(["-L", "wss://u:p%20w@h:9/a/+"])
        #expect(target.topic == "a/+")
        let credentials = ClientCredentials.user("u", password: "p w")
        #expect(target.address == BrokerAddress(host: "h", port: 9, isSecure: true, credentials: credentials))
        #expect(configuration.address == target.address)
        #expect(configuration.credentials == .none)
    }

    @Test func whoOneIsMayBeSaidInEachWay() throws {
        #expect(try self.connection(["-u", "a", "-P", "-b"]).configuration.credentials == .user("a", password: "-b"))
        #expect(try self.connection(["-u", "a"]).configuration.credentials == .user("a", password: ""))
        #expect(try self.connection(["--token", "-t"]).configuration.credentials == .token("-t"))
        #expect(try self.connection([]).configuration.credentials == .none)
    }

    @Test func aTokenFileIsReadAgainAndAPipeOnce() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("wsbroker-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data("t1\nx".utf8).write(to: file)
        let configuration = try self.connection(["--token-file", file.path]).configuration
        #expect(configuration.credentials == .token("t1"))
        #expect(try await configuration.freshCredentials?() == .token("t1"))
        try Data("t2\r\n".utf8).write(to: file)
        #expect(try await configuration.freshCredentials?() == .token("t2"))
        for (text, reason) in [("", "the token is empty"), (nil, "No such file or directory")] as [(String?, String)] {
            try FileManager.default.removeItem(at: file)
            if let text { try Data(text.utf8).write(to: file) }
            let error = await #expect(throws: InputError.self) { try await configuration.freshCredentials?() }
            #expect(error?.description.hasPrefix("cannot read \(file.path): \(reason)") == true)
        }
        let pipe = Pipe()
        try pipe.fileHandleForWriting.write(contentsOf: Data("t3\n".utf8))
        let path = "/dev/fd/\(pipe.fileHandleForReading.fileDescriptor)"
        let piped = try self.connection(["--token-file", path]).configuration
        #expect(piped.credentials == .token("t3") && piped.freshCredentials == nil)
        #expect(try self.connection(["--token", "x"]).configuration.freshCredentials == nil)
    }

    @Test func anOptionOfTLSMeansTLS() throws {
        #expect(try !self.connection(["-h", "h"]).target.address.isSecure)
        let (target, configuration) = try self.connection([
            "-h", "h", "--cafile", "ca", "--cert", "c", "--key-file", "k",
        ])
        #expect(target.address.isSecure)
        #expect(configuration.tls.authorityFile == "ca")
        #expect(configuration.tls.certificateFile == "c" && configuration.tls.keyFile == "k")
        #expect(configuration.tls.verifiesBroker)
        #expect(try self.connection(["-p", "1", "--insecure"]).configuration.tls.verifiesBroker == false)
        #expect(try self.connection(["-L", "wss://h", "--capath", "d"]).configuration.tls.authorityFolder == "d")
    }

    @Test func fieldsOfTheRequestAreRepeated() throws {
        let configuration = try self.connection(["-H", "X-A: b: c", "--header", "X-D:", "-k", "5"]).configuration
        #expect(configuration.headers.map(\.name) == ["X-A", "X-D"])
        #expect(configuration.headers.map(\.value) == ["b: c", ""])
        #expect(configuration.keepAlive == .seconds(5))
    }

    @Test func theEnvironmentStandsInForTheCommandLine() throws {
        let environment = ["WSBROKER_URL": "wss://h:9/t", "WSBROKER_TOKEN": "secret"]
        let (target, configuration) = try self.connection([], environment)
        #expect(target.address == BrokerAddress(host: "h", port: 9, isSecure: true))
        #expect(try target.topic(or: nil) == "t")
        #expect(try target.topic(or: "other") == "other")
        #expect(configuration.credentials == .token("secret"))
        #expect(try self.connection(["-p", "1"], environment).target.address == BrokerAddress(port: 1))
        #expect(
            try self.connection(["-L", "ws://x"], environment).target == ConnectionTarget(address: .init(host: "x"))
        )
        let user = try self.connection(["-u", "a", "-P", "b"], environment).configuration.credentials
        #expect(user == .user("a", password: "b"))
        #expect(try self.connection([], ["WSBROKER_URL": "", "WSBROKER_TOKEN": ""]).target.address == BrokerAddress())
    }

    @Test func whoIsNamedOnTheCommandLineWinsOverTheEnvironment() throws {
        let environment = ["WSBROKER_URL": "ws://a:b@h", "WSBROKER_TOKEN": "t"]
        #expect(try self.connection(["--token", "x"], environment).configuration.credentials == .token("x"))
        #expect(try self.connection([], environment).configuration.credentials == .none)
        let url = try self.connection(["-L", "ws://c:d@h"], environment)
        #expect(url.configuration.address.credentials == .user("c", password: "d"))
        #expect(url.configuration.credentials == .none)
    }

    @Test(arguments: [
        (["-P", "secret"], "-P needs -u."),
        (["--token", "secret", "--token-file", "f"], "--token and --token-file"),
        (["--token", "secret", "-u", "a"], "A token stands instead of -u and -P"),
        (["--token", "secret secret"], "can not be sent"),
        (["-u", "a:b", "-P", "secret"], "can not be sent"),
        (["-L", "ws://a:secret@h", "-u", "b"], "The user stands in --url"),
        (["-L", "ws://a:secret@h", "--token", "b"], "The user stands in --url"),
        (["-L", "ws://a:secret@h:x"], "port"),
        (["--cert", "c"], "--cert and --key-file come together."),
        (["--key-file", "k"], "--cert and --key-file come together."),
        (["--insecure", "--cafile", "f"], "--insecure trusts everybody"),
        (["-L", "ws://h", "--cafile", "f"], "--cafile is for TLS, and --url is ws://: use wss://."),
        (["-L", "ws://h", "--insecure"], "--insecure is for TLS"),
        (["-H", "secret"], "-H is of the form 'Name: value'."),
        (["-H", "Host: secret"], "-H: the header field Host is set by the handshake itself."),
        (["-H", "Authorization: secret", "-u", "a"], "-H Authorization stands beside"),
        (["-k", "4"], "-k is a number of seconds from 5 to 3600."),
        (["-k", "3601"], "-k is a number of seconds from 5 to 3600."),
        (["-p", "1", "-L", "ws://h"], "--url stands instead of -h and -p"),
    ])
    func whatContradictsItselfIsNamed(arguments: [String], text: String) {
        let message = self.message(arguments)
        #expect(message?.contains(text) == true, "\(message ?? "it was taken")")
        #expect(message?.contains("secret") == false)
    }

    @Test func theEnvironmentMayBeWrongToo() {
        #expect(self.message([], ["WSBROKER_URL": "http://h"])?.contains("does not begin with ws://") == true)
        #expect(self.message([], ["WSBROKER_TOKEN": "a secret"])?.hasPrefix("WSBROKER_TOKEN can not be sent") == true)
        let message = self.message(["--insecure"], ["WSBROKER_URL": "ws://h"])
        #expect(message == "--insecure is for TLS, and WSBROKER_URL is ws://: use wss://.")
        #expect(self.message(["-h", "x"], ["WSBROKER_URL": "http://h"]) == nil)
    }

    @Test func dashHStaysTheHost() throws {
        for command in [PublishCommand.self, SubscribeCommand.self, BenchCommand.self] as [any CommandLineTool.Type] {
            #expect(command.helpMessage().contains("--host"))
            #expect(!command.helpMessage().contains("-h, --help"))
        }
    }
}
