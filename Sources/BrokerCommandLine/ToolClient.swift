import BrokerClient

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
        configuration.onEvent = { event in
            switch event {
            case .connected:
                break
            case .disconnected(let error, let wait):
                let milliseconds = Int((wait / .milliseconds(1)).rounded())
                errors.appendLine("\(name): \(error.message); connecting again in \(milliseconds) ms")
            case .refused(let refusal, _):
                errors.appendLine("\(name): \(refusal)")
            }
        }
        adjust(&configuration)
        return configuration
    }
}
