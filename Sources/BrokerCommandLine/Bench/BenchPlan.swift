import BrokerClient
import BrokerWire

/// What one run of `wsbench` does.
struct BenchPlan: Sendable, Hashable {
    enum Payload: Hashable {
        /// Strings of so many bytes as JSON.
        case event(bytes: Int)
        /// The number 1.
        case number
    }

    enum Pace: Hashable {
        /// Each publisher has at most so many publishes unanswered.
        case window(Int)
        /// All publishers together send so many a second, answered or not.
        case rate(Double)
    }

    enum Goal: Hashable {
        case duration(seconds: Double)
        case messages(Int)
    }

    var address: BrokerAddress
    /// Where the topics begin; with one topic it is that.
    var base: Topic
    var topics: [Topic]
    var filter: TopicFilter
    var publishers: Int
    var subscribers: Int
    var payload: Payload
    var pace: Pace
    var goal: Goal
    var warmUpSeconds: Double
    /// Whether each publish is numbered, and so is stored before it is acknowledged, whatever the topic's rule.
    var isDurable: Bool
    var options: SubscriptionOptions
    var threads: Int

    var payloadBytes: Int {
        switch self.payload {
        case .event(let bytes): bytes
        case .number: Self.number.count
        }
    }

    static let number = Array("1".utf8)

    /// The topics that a publisher goes through, by their place.
    ///
    /// Each topic has a publisher, and there are as few of one publisher as that allows.
    func topics(ofPublisher place: Int) -> [Int] {
        guard self.topics.count > self.publishers else { return [place % self.topics.count] }
        return Array(stride(from: place, to: self.topics.count, by: self.publishers))
    }

    /// - `start`: When the first publish is due.
    func schedule(ofPublisher place: Int, start: UInt64) -> SendSchedule {
        let pace: SendSchedule.Pace =
            switch self.pace {
            case .window(let size): .window(size)
            case .rate(let rate): .rate(rate, place: place, of: self.publishers)
            }
        let goal: SendSchedule.Goal =
            switch self.goal {
            case .duration(let seconds): .duration(Self.nanoseconds(seconds))
            case .messages(let count):
                .messages(count / self.publishers + (place < count % self.publishers ? 1 : 0))
            }
        return SendSchedule(pace: pace, goal: goal, start: start, warmUp: Self.nanoseconds(self.warmUpSeconds))
    }

    static func nanoseconds(_ seconds: Double) -> UInt64 { UInt64(seconds * 1e9) }
}
