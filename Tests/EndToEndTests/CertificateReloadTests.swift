import BrokerTestKit
import BrokerWire
import Foundation
import NIOCore
import NIOSSL
import Testing

/// A certificate that is renewed while the broker runs, and the admin listener's TLS.
@Suite("Reload of certificates", .timeLimit(.minutes(5)))
struct CertificateReloadTests {
    private typealias End = (status: Int32, output: String, errors: String)

    /// The files that the configuration names, which a test writes over.
    private struct Files: Sendable {
        let certificates: TestCertificates
        var certificate: String { self.certificates.file("current.pem") }
        var key: String { self.certificates.file("current.key") }

        func use(_ name: String, key: String? = nil) throws {
            for (from, to) in [
                (self.certificates.certificate(name), self.certificate),
                (self.certificates.key(key ?? name), self.key),
            ] {
                try Data(contentsOf: URL(fileURLWithPath: from)).write(to: URL(fileURLWithPath: to))
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: self.key)
        }

        var settings: [String] { ["listen.tls.certificate=\(self.certificate)", "listen.tls.key=\(self.key)"] }
    }

    private func withBroker(
        _ settings: [String] = [],
        auth: String? = nil,
        _ body: @escaping @Sendable (TestBroker, Files, WireTLS) async throws -> Void
    ) async throws {
        let files = Files(certificates: try await TestCertificates.make())
        try files.use("server")
        let tls = try WireTLS(authority: files.certificates.certificate("ca"))
        let tokens = ["tokens.json": AccessFixture.tokens()]
        try await TestBroker.run(settings: files.settings + settings, auth: auth, files: tokens) {
            broker async throws in
            try await body(broker, files, tls)
        }
    }

    private func reload(_ broker: TestBroker, _ settings: [String] = []) async throws -> End {
        let options = (["admin.port=\(broker.adminPort)"] + settings).flatMap { ["--set", $0] }
        return await (try ChildProcess("wsbroker", ["reload"] + options, in: broker.folder)).wait()
    }

    /// Which of the certificates a new connection is shown.
    private func shown(_ port: Int, _ tls: WireTLS) async throws -> NIOSSLCertificate? {
        try await WireClient.run(port: port, tls: tls) { client async throws in
            try await client.channel.nioSSL_peerCertificate().get()
        }
    }

    private func certificate(_ name: String, _ files: Files) throws -> NIOSSLCertificate? {
        try NIOSSLCertificate.fromPEMFile(files.certificates.certificate(name)).first
    }

    @Test func newConnectionsSeeTheNewCertificateAndOldOnesStay() async throws {
        try await self.withBroker { broker, files, tls in
            #expect(try await self.shown(broker.port, tls) == self.certificate("server", files))
            try await WireClient.run(port: broker.port, tls: tls) { old async throws in
                #expect(try await old.ask(#"{"op":"ping","id":1}"#) == #"{"op":"pong","id":1}"#)
                try files.use("renewed")
                let end = try await self.reload(broker)
                #expect(end.status == 0, "\(end.errors)")
                // The paths are what they were; what they hold is not.
                #expect(end.output == "3 topic rules in force; changed: listen.tls.certificate\n")
                #expect(try await old.ask(#"{"op":"ping","id":2}"#) == #"{"op":"pong","id":2}"#)
                #expect(try await self.shown(broker.port, tls) == self.certificate("renewed", files))
                #expect(try await self.reload(broker).output == "3 topic rules in force; changed: nothing\n")
            }
        }
    }

    /// One that clients refuse is no renewal.
    @Test func aCertificateThatHasEndedIsNotTakenForOneThatHasNot() async throws {
        try await self.withBroker { broker, files, tls in
            try files.use("expired")
            let end = try await self.reload(broker)
            #expect(end.status == 1)
            #expect(end.errors.contains("listen.tls.certificate: '\(files.certificate)' has expired"), "\(end)")
            let metrics = try await HTTPExchange.send("GET /metrics", port: broker.adminPort).body
            let name = "\nwsbroker_certificate_end_timestamp_seconds "
            let time = try #require(metrics.components(separatedBy: name).last?.prefix { !$0.isNewline })
            let days = (try #require(Double(time)) - Date().timeIntervalSince1970) / 86400
            #expect((29...30.1).contains(days), "\(time)")
            #expect(try await self.shown(broker.port, tls) == self.certificate("server", files))
        }
    }

    @Test func aKeyThatDoesNotFitChangesNothing() async throws {
        try await self.withBroker { broker, files, tls in
            try files.use("renewed", key: "server")
            let rule = #"{"topics":[{"topic":"clicks","aggregate":"max"}]}"#
            try Data(rule.utf8).write(to: broker.folder.appendingPathComponent("config.json"))
            let end = try await self.reload(broker)
            #expect(end.status == 1)
            #expect(end.errors.contains("listen.tls.key: '\(files.key)' does not belong to the certificate"))
            #expect(try await self.shown(broker.port, tls) == self.certificate("server", files))
            // The rules of the same file neither.
            try await WireClient.run(port: broker.port, tls: tls) { client async throws in
                _ = try await client.ask(#"{"op":"pub","id":1,"topic":"clicks","data":3}"#)
                let answer = try await client.ask(#"{"op":"pub","id":2,"topic":"clicks","data":2}"#)
                #expect(answer.contains(#""data":5"#))
            }
            try FileManager.default.removeItem(atPath: files.certificate)
            #expect(try await self.reload(broker).errors.contains("can not be read: No such file"))
            #expect(try await self.shown(broker.port, tls) == self.certificate("server", files))
        }
    }

    /// A certificate is looked at in the handshake only, so whoever was let in by it has to come again.
    @Test func whoWasLetInByAnAuthorityThatIsGoneHasToConnectAgain() async throws {
        let certificates = try await TestCertificates.make()
        let authorities = certificates.file("authorities.pem")
        @Sendable func trust(_ names: String...) throws {
            let texts = try names.map { try String(contentsOfFile: certificates.certificate($0), encoding: .utf8) }
            try Data(texts.joined().utf8).write(to: URL(fileURLWithPath: authorities))
        }
        try trust("ca")
        let settings = [
            "listen.tls.certificate=\(certificates.certificate("server"))",
            "listen.tls.key=\(certificates.key("server"))", "listen.tls.clientAuthorities=\(authorities)",
            "listen.tls.clients=required", "limits.failedLoginsPerMinute=1",
        ]
        let tls = try WireTLS(
            authority: certificates.certificate("ca"),
            certificate: certificates.certificate("client"),
            key: certificates.key("client")
        )
        try await TestBroker.run(settings: settings) { broker async throws in
            try await WireClient.run(port: broker.port, tls: tls) { client async throws in
                try await WireClient.runRaw(port: broker.port, tls: tls) { poller async throws in
                    let request = HTTPExchange.text("GET /topics", ["Connection": "keep-alive"])
                    try await poller.send(raw: Array(request.utf8))
                    #expect(try await poller.head().hasPrefix("HTTP/1.1 200 "))
                    _ = try await client.ask(#"{"op":"ping","id":1}"#)
                    // One more is no reason.
                    try trust("ca", "stranger")
                    let more = try await self.reload(broker).output
                    #expect(more.contains("changed: listen.tls.clientAuthorities\n"), "\(more)")
                    #expect(try await client.ask(#"{"op":"ping","id":2}"#) == #"{"op":"pong","id":2}"#)
                    try trust("stranger")
                    #expect(try await self.reload(broker).status == 0)
                    #expect(JSONField.integer("code", in: try await client.receive()) == 4300)
                    #expect(try await client.closeCode() == CloseCode(.restarting))
                    // The same over HTTP, on a connection from before.
                    for _ in 1...3 { try await poller.send(raw: Array(request.utf8)) }
                    try await poller.send(raw: Array(HTTPExchange.text("GET /topics").utf8))
                    let rest = await poller.rest()
                    #expect(rest.contains("HTTP/1.1 503 ") && rest.contains("connect again"), "\(rest)")
                    #expect(rest.contains("Connection: close") && !rest.contains("HTTP/1.1 429"))
                }
            }
            await #expect(throws: (any Error).self) {
                try await WireClient.run(port: broker.port, tls: tls) { _ in }
            }
        }
    }

    @Test func problemsOfFilesKeepABrokerFromStarting() async throws {
        let files = Files(certificates: try await TestCertificates.make())
        try files.use("renewed", key: "server")
        let options = files.settings.flatMap { ["--set", $0] }
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let end = await (try ChildProcess("wsbroker", ["--port", "0"] + options, in: folder)).wait()
        #expect(end.status == 78)
        #expect(end.errors.contains("listen.tls.key: '\(files.key)' does not belong to the certificate"))
        let tls = #"{"certificate":"\#(files.certificate)","key":"\#(files.key)"}"#
        let file = folder.appendingPathComponent("config.json")
        try Data(#"{"listen":{"tls":\#(tls)}}"#.utf8).write(to: file)
        let check = await (try ChildProcess("wsbroker", ["config", "check", file.path])).wait()
        #expect(check.status == 78 && check.errors.contains("listen.tls.key: '\(files.key)' does not belong"))
        try files.use("server")
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: files.key)
        let warned = await (try ChildProcess("wsbroker", ["config", "check", file.path])).wait()
        #expect(warned.status == 0)
        #expect(warned.errors.contains("warning: listen.tls.key: '\(files.key)' can be read by every user"))
    }

    /// Where other machines reach the admin listener it speaks TLS, and the broker's own commands know. A token is
    /// shown to the broker of the configuration alone.
    @Test func theAdminListenerSpeaksTLSBeyondLoopback() async throws {
        let auth = #"{"tokens":"FOLDER/tokens.json","rules":\#(AccessFixture.rules)}"#
        try await self.withBroker(["admin.host=0.0.0.0"], auth: auth) { broker, files, tls in
            let address = files.settings + ["admin.host=0.0.0.0", "admin.port=\(broker.adminPort)"]
            let options = address.flatMap { ["--set", $0] }
            let health = await (try ChildProcess("wsbroker", ["healthcheck"] + options)).wait()
            #expect(health.status == 0, "\(health.errors)")
            let plain = await (try ChildProcess("wsbroker", ["healthcheck", "--set", address[3]])).wait()
            #expect(plain.status == 1)
            try await WireClient.runRaw(port: broker.adminPort, tls: tls) { client async throws in
                try await client.send(raw: Array(HTTPExchange.text("GET /readyz").utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 200 "))
                #expect(
                    try await client.channel.nioSSL_peerCertificate().get() == self.certificate("server", files)
                )
            }
            let token = ["WSBROKER_TOKEN": AccessFixture.admin]
            let topics = { try ChildProcess("wsbroker", ["topics"] + options, environment: token) }
            #expect(await (try topics()).wait().status == 0)
            // The certificate on disk is another one than the broker's: it could be anybody who answers.
            try files.use("renewed")
            #expect(await (try topics()).wait().status != 0)
            try await WireClient.runRaw(port: broker.adminPort, tls: tls) { client async throws in
                let fields = ["Authorization": "Bearer \(AccessFixture.admin)"]
                try await client.send(raw: Array(HTTPExchange.text("POST /reload", fields, "{}").utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 200 "))
            }
            #expect(await (try topics()).wait().status == 0)
            try await WireClient.runRaw(port: broker.adminPort, tls: tls) { client async throws in
                try await client.send(raw: Array(HTTPExchange.text("GET /healthz").utf8))
                _ = try await client.head()
                #expect(
                    try await client.channel.nioSSL_peerCertificate().get() == self.certificate("renewed", files)
                )
            }
        }
    }
}
