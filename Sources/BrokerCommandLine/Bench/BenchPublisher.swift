import BrokerClient
import NIOCore
import Synchronization

/// One publishing connection of a run: does what its ``SendSchedule`` says.
///
/// There is no task for it and nothing is awaited for a publish. An answer or a timer asks the schedule what is due,
/// on the connection's event loop, and all of that is handed to the client at once.
final class BenchPublisher: Sendable {
    private struct State {
        var schedule: SendSchedule?
        var payload: EventPayload?
        /// One for each of the publisher's topics, in turns.
        var pipelines: [PublishPipeline] = []
        var turn = 0
        /// Whether the client had no room for what was due.
        var isBlocked = false
        var isFillScheduled = false
        /// When the timer is to fire that is set.
        var timer: UInt64?
        var failure: ClientError?
    }

    /// When to try again if the client has no room; an answer comes before, unless there is no connection.
    private static let retryNanoseconds: UInt64 = 10_000_000

    let client: BrokerClient
    private let recorder: BenchRecorder
    private let topics: BenchTopics
    private let hasSubscribers: Bool
    private let isScheduled: Bool
    private let state = Mutex(State())

    /// - `client`: Lives on the event loop of `recorder`.
    init(client: BrokerClient, recorder: BenchRecorder, topics: BenchTopics, plan: BenchPlan) {
        self.client = client
        self.recorder = recorder
        self.topics = topics
        self.hasSubscribers = plan.subscribers > 0
        self.isScheduled = if case .rate = plan.pace { true } else { false }
    }

    /// Begins to publish when the schedule says so.
    ///
    /// - `payload`: The events; `nil` publishes numbers.
    func begin(_ schedule: SendSchedule, payload: EventPayload?, plan: BenchPlan, place: Int) {
        let pipelines = plan.topics(ofPublisher: place).map { topic in
            self.client.pipeline(to: plan.topics[topic]) { intended, outcome in
                self.ended(topic: topic, intended: intended, outcome)
            }
        }
        self.state.withLock { state in
            state.schedule = schedule
            state.payload = payload
            state.pipelines = pipelines
        }
        self.recorder.eventLoop.execute { self.fill() }
    }

    /// Sends no more; what is under way is still answered.
    func stop() { self.state.withLock { $0.schedule?.stop() } }

    /// Lets go of the client, which holds this one as long as it may publish.
    func release() { self.state.withLock { $0.pipelines = [] } }

    /// Why it had to stop.
    var failure: ClientError? { self.state.withLock { $0.failure } }

    /// Whether everything is sent and answered.
    var isDone: Bool {
        let now = self.recorder.now
        return self.state.withLock { state in
            guard let schedule = state.schedule else { return false }
            return schedule.isFinished(at: now) && schedule.unanswered == 0
        }
    }

    /// How many are without an answer, and how many were due and not sent.
    var open: (unanswered: Int, overdue: Int) {
        let now = self.recorder.now
        return self.state.withLock { ($0.schedule?.unanswered ?? 0, $0.schedule?.overdue(at: now) ?? 0) }
    }

    // MARK: On the event loop

    private func fill() {
        let timer = self.state.withLock { state -> UInt64? in
            state.isFillScheduled = false
            let now = self.recorder.now
            self.recorder.record { self.sendDue(&state, at: now, counting: &$0) }
            let wanted = state.isBlocked ? now + Self.retryNanoseconds : state.schedule?.nextDue(after: now)
            guard let wanted, wanted < state.timer ?? .max else { return nil }
            state.timer = wanted
            return wanted
        }
        guard let timer else { return }
        // Fails only when the process is about to end.
        _ = try? self.recorder.eventLoop.scheduleCallback(at: .uptimeNanoseconds(timer), handler: self)
    }

    private func sendDue(_ state: inout State, at now: UInt64, counting tally: inout BenchTally) {
        state.isBlocked = false
        while let intended = state.schedule?.due(at: now), !state.pipelines.isEmpty {
            state.payload?.stamp(intended)
            let bytes = state.payload?.bytes ?? BenchPlan.number
            do throws(ClientError) {
                guard try state.pipelines[state.turn].enqueueIfRoom(bytes[...], tag: intended) else {
                    state.isBlocked = true
                    return
                }
            } catch {
                state.failure = error
                state.schedule?.stop()
                tally.failed(error)
                return
            }
            state.turn = state.turn + 1 == state.pipelines.count ? 0 : state.turn + 1
            state.schedule?.send(intended: intended)
            let isMeasured = state.schedule?.isMeasured(intended) == true
            tally.sent(intended: intended, at: now, isMeasured: isMeasured, isScheduled: self.isScheduled)
        }
    }

    private func ended(topic: Int, intended: UInt64, _ outcome: PublishOutcome) {
        let now = self.recorder.now
        let (isMeasured, isFillDue) = self.state.withLock { state -> (Bool, Bool) in
            state.schedule?.answer()
            let isFillDue = !state.isFillScheduled && (state.isBlocked || !self.isScheduled)
            if isFillDue { state.isFillScheduled = true }
            return (state.schedule?.isMeasured(intended) == true, isFillDue)
        }
        var arrivals: [UInt64] = []
        if self.hasSubscribers, case .acknowledged(let acknowledgement) = outcome {
            arrivals = self.topics.withAges(of: topic) {
                $0.acknowledged(acknowledgement.offset, intended: intended)
            }
        }
        self.recorder.record { tally in
            tally.ended(outcome, intended: intended, at: now, isMeasured: isMeasured)
            guard isMeasured else { return }
            for arrival in arrivals { tally.aged(intended: intended, at: arrival) }
        }
        // After all answers of this read, when the client has made room for as many.
        if isFillDue { self.recorder.eventLoop.execute { self.fill() } }
    }
}

extension BenchPublisher: NIOScheduledCallbackHandler {
    func handleScheduledCallback(eventLoop: some EventLoop) {
        self.state.withLock { $0.timer = nil }
        self.fill()
    }
}
