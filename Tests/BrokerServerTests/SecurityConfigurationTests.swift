import BrokerAggregation
import BrokerTestKit
import BrokerTransport
import Testing

@testable import BrokerServer

/// TLS in the configuration, and what is said about settings that are not safe.
@Suite("Configuration of TLS")
struct SecurityConfigurationTests {
    /// A configuration of these assignments, whatever is wrong with it.
    private func load(_ assignments: [String]) -> BrokerConfiguration {
        var loader = ConfigurationLoader()
        for assignment in assignments { loader.apply(flag: assignment) }
        loader.apply(file: Array(#"{"auth":{"anonymous":["publish","subscribe"]}}"#.utf8), named: "config.json")
        #expect(loader.problems.isEmpty)
        return loader.configuration
    }

    private func problems(_ assignments: String...) -> [String] {
        self.load(assignments).problems(registry: .builtIn).map(\.description)
    }

    private static let files = ["listen.tls.certificate=c.pem", "listen.tls.key=c.key"]

    @Test func aCertificateAndItsKeyComeTogether() {
        #expect(self.problems(Self.files[0]) == ["listen.tls.key: is missing: a certificate needs its key"])
        #expect(self.problems(Self.files[1]) == ["listen.tls.certificate: is missing: a key needs its certificate"])
        #expect(self.problems(Self.files[0], Self.files[1]) == [])
    }

    @Test(arguments: ["optional", "required"])
    func certificatesOfClientsNeedTLSAndSomebodyWhoVouches(clients: String) {
        let (asked, vouched) = ("listen.tls.clients=\(clients)", "listen.tls.clientAuthorities=ca.pem")
        let without = self.problems(asked)
        #expect(without.count == 2)
        #expect(without.contains { $0.hasPrefix("listen.tls.clients: \"\(clients)\" needs listen.tls.certificate") })
        let unvouched = self.problems(Self.files[0], Self.files[1], asked)
        #expect(unvouched.count == 1 && unvouched[0].hasPrefix("listen.tls.clientAuthorities: is missing"))
        #expect(self.problems(Self.files[0], Self.files[1], asked, vouched) == [])
        // Named, and nobody is asked: that lets in everybody where somebody wanted few.
        let idle = self.problems(Self.files[0], Self.files[1], vouched)
        #expect(idle.count == 1 && idle[0].hasPrefix("listen.tls.clients: \"none\" has no use"))
    }

    @Test(arguments: ["listen", "admin"])
    func otherMachinesAreServedWithTLSOrOnPurpose(listener: String) {
        let host = "\(listener).host=0.0.0.0"
        let open = self.problems(host)
        #expect(open.count == 1 && open[0].hasPrefix("\(listener).host: '0.0.0.0' can be reached"))
        for way in ["listen.tls.certificate", "listen.tls.key", #""insecure": true"#] {
            #expect(open.first?.contains(way) == true)
        }
        #expect(self.problems(host, "listen.insecure=true") == [])
        #expect(self.problems(host, Self.files[0], Self.files[1]) == [])
    }

    @Test(arguments: [
        ("127.0.0.1", true), ("127.9.9.9", true), ("localhost", true), ("::1", true), ("0.0.0.0", false), ("::", false),
        ("127.example.com", false), ("12.0.0.1", false), ("broker.example", false),
    ])
    func onlyThisMachineReachesLoopback(host: String, isLoopback: Bool) {
        #expect(self.problems("listen.host=\(host)").isEmpty == isLoopback)
    }

    /// Behind a proxy clients are anybody, wherever the broker listens.
    @Test func whoIsBehindAProxyIsNotOnThisMachine() {
        var configuration = self.load([])
        configuration.anonymousRights = nil
        #expect(configuration.problems(registry: .builtIn).isEmpty)
        configuration.proxies = ["127.0.0.1"]
        let problems = configuration.problems(registry: .builtIn)
        #expect(problems.map(\.path) == ["listen.proxies"], "\(problems)")
        configuration.anonymousRights = ["publish"]
        #expect(configuration.problems(registry: .builtIn).isEmpty)
        let texts = unsafeSettings(of: configuration).map(\.description)
        #expect(texts == ["auth.anonymous: everybody who reaches the proxy may publish"])
    }

    private func warnings(_ assignments: String...) -> [String] {
        unsafeSettings(of: self.load(assignments)).map(\.path)
    }

    @Test func eachUnsafeSettingIsNamedWithItsKey() {
        #expect(self.warnings() == [])
        #expect(self.warnings("listen.insecure=true") == [])
        let open = "listen.host=0.0.0.0"
        #expect(self.warnings(open, "listen.insecure=true") == ["listen.insecure", "auth.anonymous"])
        #expect(self.warnings(open, Self.files[0], Self.files[1]) == ["auth.anonymous"])
        #expect(self.warnings(open, Self.files[0], Self.files[1], "listen.tls.clients=required") == [])
        // The admin listener asks there for the right to everything, which nobody has without credentials.
        #expect(self.warnings("admin.host=::", Self.files[0], Self.files[1]) == [])
        #expect(self.warnings("admin.host=::", "listen.insecure=true") == ["listen.insecure"])
        #expect(self.warnings("auth.queryToken=true") == ["auth.queryToken"])
    }

    @Test func whoeverMayAdministerIsNamedToo() {
        var configuration = self.load(["listen.host=0.0.0.0", "listen.insecure=true"])
        configuration.anonymousRights = ["admin"]
        configuration.admin.host = "0.0.0.0"
        let texts = unsafeSettings(of: configuration).map(\.description)
        for what in ["reset and delete topics", "see all topics, delete them and close connections"] {
            #expect(texts.contains("auth.anonymous: everybody who reaches '0.0.0.0' may \(what)"), "\(texts)")
        }
    }

    @Test func filesCanBeExchangedAndTLSItselfNeedsARestart() throws {
        let (plain, secure) = (self.load([]), self.load(Self.files))
        var renewed = secure
        renewed.listenTLS.key = "d.key"
        #expect(secure.taking(reloadableFrom: renewed).listenTLS.key == "d.key")
        #expect(secure.isReloadable("listen.tls.key", from: renewed))
        for (before, after) in [(plain, secure), (secure, plain)] {
            #expect(before.taking(reloadableFrom: after).listenTLS == before.listenTLS)
            #expect(before.changedKeys(to: after).allSatisfy { !before.isReloadable($0, from: after) })
        }
    }
}
