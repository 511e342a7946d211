import ArgumentParser
import BrokerClient

/// Which messages `wssub` asks for.
struct ChoiceOptions: ParsableArguments {
    enum Mode: String, EnumerableFlag {
        case latest
        case all

        static func help(for value: Self) -> ArgumentHelp? {
            switch value {
            case .latest: "The newest value of each topic; values between may be skipped."
            case .all: "Every message in order."
            }
        }
    }

    @Flag(exclusivity: .chooseLast)
    var mode: Mode?

    @Option(help: ArgumentHelp("The most messages per second of each topic.", valueName: "rate"))
    var maxRate: Double?

    @Flag(help: "Leave out what this connection publishes itself.")
    var noEcho = false

    @Flag(name: [.customShort("R"), .long], help: "Leave out what was there before.")
    var noRetained = false

    @Flag(help: "Only what was there before; then end.")
    var retainedOnly = false

    @Flag(help: "Clear the retained messages that come, and end when all have come.")
    var removeRetained = false

    /// What is removed has to be retained, and there is an end to it.
    var isRetainedOnly: Bool { self.retainedOnly || self.removeRetained }

    func check() throws {
        if let rate = self.maxRate, !(rate >= 0.001 && rate <= 1_000_000) {
            throw ValidationError("--max-rate is a number from 0.001 to 1000000.")
        }
        if self.maxRate != nil, self.mode == .all {
            throw ValidationError("--max-rate skips messages, which --all must not: use one of them.")
        }
    }

    var options: SubscriptionOptions {
        SubscriptionOptions(
            mode: self.mode.flatMap { SubscriptionOptions.Mode(rawValue: $0.rawValue) },
            maxRate: self.maxRate,
            echo: !self.noEcho,
            retained: !self.noRetained
        )
    }
}
