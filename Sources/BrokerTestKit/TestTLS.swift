// Foundation for the environment.
import Foundation
import Synchronization

/// The suite again over `wss`: where `WSBROKER_TEST_TLS` is 1, each ``TestBroker`` serves TLS, and ``WireClient`` and
/// the tools speak it to the ports that do (`make test-tls`).
package enum TestTLS {
    package static let isOn = ProcessInfo.processInfo.environment["WSBROKER_TEST_TLS"] == "1"

    private struct State {
        var authority: String?
        var client: WireTLS?
        var ports: Set<Int> = []
    }

    private static let state = Mutex(State())
    /// For the whole process: making them takes longer than most tests.
    private static let made = Task { try await TestCertificates.make() }

    /// What a broker with these settings has to be told more.
    static func settings(beside settings: [String]) async throws -> [String] {
        guard Self.isOn, !settings.contains(where: { $0.hasPrefix("listen.tls.") }) else { return [] }
        let certificates = try await Self.made.value
        let client = try WireTLS(authority: certificates.certificate("ca"))
        Self.state.withLock { state in
            state.authority = certificates.certificate("ca")
            state.client = client
        }
        return [
            "listen.tls.certificate=\(certificates.certificate("server"))",
            "listen.tls.key=\(certificates.key("server"))",
        ]
    }

    /// Notes that TLS is spoken at a port, or is not any more: ports come again.
    static func note(_ port: Int, isServed: Bool) {
        Self.state.withLock { state in
            if isServed { state.ports.insert(port) } else { state.ports.remove(port) }
        }
    }

    /// How a client has to speak to a port.
    static func client(for port: Int) -> WireTLS? {
        Self.state.withLock { $0.ports.contains(port) ? $0.client : nil }
    }

    /// The authority that a client has to trust which speaks to a port, if it has to speak TLS.
    package static func authority(for port: Int) -> String? {
        Self.state.withLock { $0.ports.contains(port) ? $0.authority : nil }
    }

    /// What a tool has to be told more that is sent to such a port with `-p`.
    static func options(beside arguments: [String]) -> [String] {
        Self.state.withLock { state in
            let isSecure = zip(arguments, arguments.dropFirst()).contains { option, value in
                option == "-p" && Int(value).map(state.ports.contains) == true
            }
            return isSecure ? state.authority.map { ["--cafile", $0] } ?? [] : []
        }
    }
}
