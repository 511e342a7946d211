import BrokerClient
import Synchronization

extension ClientConfiguration {
    /// The configuration that all tools begin with: losses are told to the person at the terminal.
    static func forTool(
        _ name: String,
        address: BrokerAddress,
        errors: OutputWriter,
        _ adjust: (inout Self) -> Void
    ) -> Self {
        var configuration = Self(address: address)
        configuration.clientName = "\(name)/1.0"
        // Somebody waits for the prompt; a broker that is alive answers a Close at once.
        configuration.closeTimeout = .seconds(2)
        let reports = ConnectionReports(name: name)
        configuration.onEvent = { event in
            if let line = reports.line(for: event) { errors.appendLine(line) }
        }
        adjust(&configuration)
        return configuration
    }
}

/// What a tool says about its connection: when it is lost, why it does not come back, and that it is back.
///
/// A broker that is away for an hour is asked hundreds of times; only what is new is said.
final class ConnectionReports: Sendable {
    private let name: String
    private let lastFailure = Mutex<String?>(nil)

    init(name: String) {
        self.name = name
    }

    func line(for event: ClientEvent) -> String? {
        switch event {
        case .connected:
            let wasLost = self.lastFailure.withLock { $0.take() != nil }
            return wasLost ? "\(self.name): connected again" : nil
        case .disconnected(let error, _):
            let isNews = self.lastFailure.withLock { last in
                defer { last = error.message }
                return last != error.message
            }
            return isNews ? "\(self.name): \(error.message); trying again" : nil
        case .refused(let refusal, _):
            return "\(self.name): \(refusal)"
        }
    }
}
