import BrokerClient
import BrokerWire
import Synchronization

/// One subscribing connection of a run.
final class BenchSubscriber: Sendable {
    private struct State {
        /// The last change of each topic that has come.
        var newestOffsets: [UInt64]
        var hasEnded = false
        /// From when on values count.
        var measuringStart = UInt64.max
        /// The topic of the last message, because the next one is often of the same.
        var last: (topic: Topic, place: Int)?
    }

    let client: BrokerClient
    private let recorder: BenchRecorder
    private let topics: BenchTopics
    private let places: [Topic: Int]
    private let payload: EventPayload?
    private let state: Mutex<State>

    /// - `places`: Which topic is which.
    init(
        client: BrokerClient,
        recorder: BenchRecorder,
        topics: BenchTopics,
        places: [Topic: Int],
        payload: EventPayload?
    ) {
        self.client = client
        self.recorder = recorder
        self.topics = topics
        self.places = places
        self.payload = payload
        self.state = Mutex(State(newestOffsets: Array(repeating: 0, count: places.count)))
    }

    func subscribe(_ plan: BenchPlan) async throws {
        try await self.client.subscribe(to: [plan.filter], options: plan.options) { error in
            self.ended(error)
        } onMessages: { messages in
            self.received(messages)
        }
    }

    /// - `start`: From when on what comes counts.
    func measure(from start: UInt64) { self.state.withLock { $0.measuringStart = start } }

    /// Whether it has seen every topic as new as `offsets`, or never will.
    func hasReached(_ offsets: [UInt64]) -> Bool {
        self.state.withLock { state in
            state.hasEnded || zip(state.newestOffsets, offsets).allSatisfy { $0 >= $1 }
        }
    }

    // MARK: On the event loop

    private func received(_ messages: [Message]) {
        let now = self.recorder.now
        self.state.withLock { state in
            self.recorder.record { tally in
                for message in messages where !message.isRetained { self.take(message, &state, &tally, at: now) }
            }
        }
    }

    private func take(_ message: Message, _ state: inout State, _ tally: inout BenchTally, at now: UInt64) {
        guard let place = self.place(of: message.topic, &state) else { return }
        state.newestOffsets[place] = message.offset
        let start = state.measuringStart
        if let intended = self.payload?.time(in: message.data) {
            return tally.deliveredEvent(
                bytes: message.data.count,
                intended: intended,
                at: now,
                isMeasured: intended >= start
            )
        }
        tally.deliveredValue(bytes: message.data.count, at: now, isMeasured: now >= start)
        let intended = self.topics.withAges(of: place) { $0.received(message.offset, at: now) }
        if let intended, intended >= start { tally.aged(intended: intended, at: now) }
    }

    private func place(of topic: Topic, _ state: inout State) -> Int? {
        if let last = state.last, last.topic == topic { return last.place }
        guard let place = self.places[topic] else { return nil }
        state.last = (topic, place)
        return place
    }

    private func ended(_ error: ClientError?) {
        self.state.withLock { $0.hasEnded = true }
        guard let error else { return }
        self.recorder.record { $0.failed(error) }
    }
}
