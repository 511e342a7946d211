import BrokerTransport
import Logging
import Synchronization

/// Says that the broker is up, once both listeners are.
final class StartUp: Sendable {
    private struct Ports {
        var clients: Int?
        var admin: Int?
    }

    private let configuration: BrokerConfiguration
    private let topicCount: Int
    private let readiness: Readiness
    private let logger: Logger
    private let running: @Sendable (BrokerApplication.Running) -> Void
    private let ports = Mutex(Ports())

    init(
        configuration: BrokerConfiguration,
        topicCount: Int,
        readiness: Readiness,
        logger: Logger,
        running: @escaping @Sendable (BrokerApplication.Running) -> Void
    ) {
        self.configuration = configuration
        self.topicCount = topicCount
        self.readiness = readiness
        self.logger = logger
        self.running = running
    }

    func clientsAreServed(on port: Int) { self.note { $0.clients = port } }

    func adminIsServed(on port: Int) { self.note { $0.admin = port } }

    private func note(_ change: (inout Ports) -> Void) {
        let ports = self.ports.withLock { ports in
            change(&ports)
            return ports
        }
        guard let clients = ports.clients, let admin = ports.admin else { return }
        self.readiness.set(.ready)
        self.logger.notice(
            "the broker is ready",
            metadata: [
                "version": "\(BrokerVersion.number)", "listen": "\(self.configuration.listen.host):\(clients)",
                "admin": "\(self.configuration.admin.host):\(admin)", "store": "\(self.configuration.storePath)",
                "topics": "\(self.topicCount)",
            ]
        )
        BrokerOutput.line(self.line(port: clients))
        self.running(BrokerApplication.Running(port: clients, adminPort: admin))
    }

    private func line(port: Int) -> String {
        let durability = Set(self.configuration.topics.map(\.durability)) == ["memory"] ? "memory" : "disk (fsync)"
        let topics = self.topicCount == 1 ? "1 topic" : "\(self.topicCount) topics"
        let scheme = self.configuration.listenTLS.isOn ? "wss" : "ws"
        return """
            \(BrokerVersion.product) listening on \(scheme)://\(self.configuration.listen.host):\(port), \
            store \(self.configuration.storePath), durability \(durability), \(topics) restored
            """
    }
}
