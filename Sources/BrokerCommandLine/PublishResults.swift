import BrokerClient
import Synchronization

/// Where the outcomes of a run of `wspub` go: values to the output, the rest to the errors, and all into the tally.
///
/// Called on the client's event loop, so it never waits.
final class PublishResults: Sendable {
    private struct State {
        var tally = PublishTally()
        var asked = 0
        var ended = 0
        /// Whether single outcomes are still worth a line.
        var namesOutcomes = true
    }

    private let output: OutputWriter?
    private let errors: OutputWriter
    private let namesLines: Bool
    private let state = Mutex(State())

    /// - `output`: Where the running values go; `nil` drops them.
    /// - `namesLines`: Whether what is reported names a line.
    init(output: OutputWriter?, errors: OutputWriter, namesLines: Bool) {
        self.output = output
        self.errors = errors
        self.namesLines = namesLines
    }

    var status: ExitStatus { self.state.withLock { $0.tally.status } }

    /// How many were handed to the client and have no outcome, or an unknown one.
    var unacknowledged: Int { self.state.withLock { $0.asked - $0.ended + $0.tally.unknown } }

    /// A publish is handed to the client.
    func asked() {
        self.state.withLock { $0.asked += 1 }
    }

    /// The client did not take it.
    func neverAsked() {
        self.state.withLock { $0.asked -= 1 }
    }

    /// From now on only the sum is of interest.
    func summarize() {
        self.state.withLock { $0.namesOutcomes = false }
    }

    /// The publish with the number `tag` has its outcome.
    func ended(_ tag: UInt64, _ outcome: PublishOutcome) {
        let report = self.state.withLock { state -> String? in
            state.ended += 1
            let report = state.tally.add(outcome)
            return state.namesOutcomes ? report : nil
        }
        if let report { return self.say(tag, report) }
        if case .acknowledged(let acknowledgement) = outcome, let data = acknowledgement.data {
            self.output?.append { pending in
                PayloadText.append(data, to: &pending)
                pending.append(UInt8(ascii: "\n"))
            }
        }
    }

    /// The client itself would not send it.
    func refusedHere(_ number: UInt64, _ reason: String) {
        self.state.withLock { $0.tally.addRefusedHere() }
        self.say(number, "refused: \(reason)")
    }

    /// The broker refused a publish that awaits no answer.
    func refusedUnasked(_ refusal: BrokerRefusal) {
        let report = self.state.withLock { $0.tally.add(.refused(refusal)) }
        if let report { self.errors.appendLine("wspub: \(report)") }
    }

    /// The connection was lost behind publishes that await no answer.
    func lostUnanswered() {
        self.state.withLock { $0.tally.addUnansweredLoss() }
    }

    private func say(_ number: UInt64, _ text: String) {
        self.errors.appendLine(self.namesLines ? "line \(number): \(text)" : "wspub: \(text)")
    }
}
