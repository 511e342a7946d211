import BrokerClient
import BrokerWire
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
        /// The last running value, for who looks on.
        var lastValue: [UInt8] = []
        /// The lines whose numbers are used up without them, and why.
        var passedOver: [UInt64: String?] = [:]
    }

    private let output: OutputWriter?
    private let format: MessageFormat
    /// Whether answers without a value are printed too.
    private let printsAll: Bool
    private let errors: OutputWriter
    private let namesLines: Bool
    private let path: String?
    private let state = Mutex(State())

    /// - `output`: Where the answers go; `nil` drops them.
    /// - `format`: How an answer is printed.
    /// - `printsAll`: Whether also one without a running value is.
    /// - `namesLines`: Whether what is reported names a line.
    /// - `path`: The file that the lines are of; `nil` is standard input.
    init(
        output: OutputWriter?,
        format: MessageFormat = MessageFormat(isVerbose: false),
        printsAll: Bool = false,
        errors: OutputWriter,
        namesLines: Bool,
        path: String? = nil
    ) {
        self.path = path
        self.output = output
        self.format = format
        self.printsAll = printsAll
        self.errors = errors
        self.namesLines = namesLines
    }

    var status: ExitStatus { self.state.withLock { $0.tally.status } }

    /// How many were handed to the client and have no outcome, or an unknown one.
    var unacknowledged: Int { self.state.withLock { $0.asked - $0.ended + $0.tally.unknown } }

    /// How far the run is.
    var progress: ProgressMeter.Reading {
        self.state.withLock { state in
            var value: [UInt8] = []
            PayloadText.append(state.lastValue, to: &value)
            return ProgressMeter.Reading(
                acknowledged: state.tally.acknowledged,
                refused: state.tally.refused,
                unacknowledged: state.asked - state.ended + state.tally.unknown,
                value: String(decoding: value, as: UTF8.self)
            )
        }
    }

    /// Whether something was handed to the client and did not reach the broker, or nobody knows whether.
    var isIncomplete: Bool { self.state.withLock { $0.tally.unknown + $0.tally.notSent > 0 } }

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

    /// The number of a line is about to be used up without it; `reason` is `nil` where it was empty.
    func passingOver(_ number: UInt64, _ reason: String?) {
        self.state.withLock { state in
            state.asked += 1
            state.passedOver[number] = .some(reason)
        }
    }

    /// It was not.
    func neverPassedOver(_ number: UInt64) {
        self.state.withLock { state in
            state.asked -= 1
            state.passedOver[number] = nil
        }
    }

    /// The publish with the number `tag` to `topic` has its outcome.
    func ended(_ tag: UInt64, _ topic: Topic, _ outcome: PublishOutcome) {
        let report = self.state.withLock { state -> String? in
            state.ended += 1
            if !state.passedOver.isEmpty, let reason = state.passedOver.removeValue(forKey: tag) {
                // Whatever the broker says of it: nothing was applied.
                guard let reason else { return nil }
                state.tally.addRefusedHere()
                return self.refusedHere(reason)
            }
            let report = state.tally.add(outcome)
            if case .acknowledged(let acknowledgement) = outcome, let data = acknowledgement.data {
                state.lastValue = data
            }
            return state.namesOutcomes ? report.map { self.describe(outcome) ?? $0 } : nil
        }
        if let report { return self.say(tag, report) }
        if let output = self.output, case .acknowledged(let acknowledgement) = outcome {
            self.show(acknowledgement, of: topic, to: output)
        }
    }

    private func show(_ acknowledgement: PublishAcknowledgement, of topic: Topic, to output: OutputWriter) {
        guard acknowledgement.data != nil || self.printsAll else { return }
        let message = Message(
            topic: topic,
            offset: acknowledgement.offset,
            data: acknowledgement.data ?? [],
            exact: acknowledgement.exact
        )
        output.append { self.format.append(message, arrivedAt: SystemCall.wallMilliseconds(), to: &$0) }
    }

    /// A refusal as it is said of a line of a file: the name and the reason are enough to find and mend it.
    private func describe(_ outcome: PublishOutcome) -> String? {
        guard self.path != nil, case .refused(let refusal) = outcome, ExitStatus(refusal: refusal.number) != .unknown
        else { return nil }
        return "\(refusal.name): \(refusal.reason)"
    }

    private func refusedHere(_ reason: String) -> String {
        self.path == nil ? "refused: \(reason)" : "not_sent: \(reason)"
    }

    /// The client itself would not send it.
    func refusedHere(_ number: UInt64, _ reason: String) {
        self.state.withLock { $0.tally.addRefusedHere() }
        self.say(number, self.refusedHere(reason))
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
        guard self.namesLines else { return self.errors.appendLine("wspub: \(text)") }
        self.errors.appendLine(self.path.map { "\($0):\(number): \(text)" } ?? "line \(number): \(text)")
    }
}
