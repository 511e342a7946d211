import ArgumentParser
import BrokerClient

/// What the command line and the environment say about the broker.
struct ToolConnection: Sendable {
    /// What every client of the tool begins with.
    var configuration: ClientConfiguration
    /// Whether what a client does is told on standard error.
    var isDebug: Bool
}

/// Where the broker is, and the topic that was named with it.
struct ConnectionTarget: Hashable {
    var address: BrokerAddress
    /// The path of the URL.
    var topic: String?
    /// Whether both come from the environment, so that the command line's stand instead of them.
    var isOfEnvironment = false

    /// The topic of a command that may also have been given one.
    func topic(or given: String?) throws -> String? {
        guard let given else { return self.topic }
        guard self.topic == nil || self.isOfEnvironment else {
            throw ValidationError("The topic stands both in --url and behind -t.")
        }
        return given
    }
}
