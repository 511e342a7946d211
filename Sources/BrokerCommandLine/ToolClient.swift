import BrokerClient
import Synchronization

extension ClientConfiguration {
    /// The configuration that all tools begin with: losses are told to the person at the terminal.
    static func forTool(
        _ name: String,
        _ connection: ToolConnection,
        errors: OutputWriter,
        _ adjust: (inout Self) -> Void
    ) -> Self {
        var configuration = connection.configuration
        if connection.isDebug { configuration.logger = DebugLogHandler.logger(name, errors: errors) }
        configuration.clientName = "\(name)/1.0"
        // Somebody waits for the prompt; a broker that is alive answers a Close at once.
        configuration.closeTimeout = .seconds(2)
        // Only who publishes needs one.
        configuration.producer = .none
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
    private let lastHold = Mutex<String?>(nil)

    init(name: String) {
        self.name = name
    }

    func line(for event: ClientEvent) -> String? {
        switch event {
        case .connected:
            let wasLost = self.lastFailure.withLock { $0.take() != nil }
            return wasLost ? "\(self.name): connected again" : nil
        case .disconnected(let error, _):
            let isNews = self.lastFailure.withLock { $0.replace(with: error.message) != error.message }
            return isNews ? "\(self.name): \(error.message); trying again" : nil
        case .credentialsRenewed:
            return nil
        case .renewalFailed(let error):
            return "\(self.name): the credentials are not renewed: \(error.message)"
        case .refused(let refusal, _):
            return "\(self.name): \(refusal)"
        case .publishesHeld(let refusal, _):
            let text = "\(self.name): \(refusal); trying again"
            return self.lastHold.withLock { $0.replace(with: text) == text ? nil : text }
        case .regressed(let lost):
            let range = "\(lost.from) to \(lost.to)"
            return "\(self.name): the broker has lost acknowledged publishes, \(range): an older state was put back"
        }
    }
}

extension String? {
    /// Puts `text` here and returns what was.
    fileprivate mutating func replace(with text: String) -> String? {
        defer { self = text }
        return self
    }
}
