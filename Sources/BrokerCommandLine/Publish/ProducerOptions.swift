import ArgumentParser
import BrokerClient

/// Under which name `wspub` numbers its publishes.
struct ProducerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Number the publishes under this name instead of a random one; an older run under it is ended.",
            valueName: "name"
        )
    )
    var producer: String?

    @Flag(
        help: "With --producer and -l: the number of a line is that of its publish; go on where the last run stopped."
    )
    var resume = false

    @Option(
        help: ArgumentHelp(
            "Count the message once under this name, however often it is published within two minutes.",
            valueName: "key"
        )
    )
    var once: String?

    @Flag(name: .customLong("no-producer"), help: "Number nothing: what a lost connection leaves open stays unknown.")
    var isOff = false

    mutating func validate() throws {
        if let name = self.producer {
            guard !self.isOff else { throw ValidationError("--producer and --no-producer: use one or the other.") }
            guard ClientConfiguration.Producer.isValidName(name) else {
                throw ValidationError("--producer is 1 to 64 of the characters A-Z a-z 0-9 _ . : -")
            }
        }
        if let once = self.once {
            guard self.producer == nil else { throw ValidationError("--once and --producer: use one or the other.") }
            guard (1...64).contains(once.utf8.count) else { throw ValidationError("--once is a key of 1 to 64 bytes.") }
        }
        if self.resume, self.producer == nil { throw ValidationError("--resume needs --producer.") }
    }

    /// What the client is to be.
    ///
    /// Without `--resume` a run begins as a new life of its name, so that an older process that wakes up late is
    /// fenced off: its numbers would mean other publishes.
    func kind(isAcknowledged: Bool) -> ClientConfiguration.Producer {
        // Nobody tells what became of fire and forget, so there is nothing to send again.
        guard isAcknowledged, !self.isOff, self.once == nil else { return .none }
        guard let name = self.producer else { return .ephemeral }
        return self.resume ? .resuming(name) : .named(name)
    }
}
