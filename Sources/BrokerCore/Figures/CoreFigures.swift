import BrokerAggregation
import BrokerWire

/// What the core has counted since the start, and how it is now.
package struct CoreFigures: Sendable {
    /// Publishes that came, whatever became of them.
    package var publishes: UInt64 = 0
    /// Those that were applied, or left out by their rule.
    package var accepted: UInt64 = 0
    /// Those that had been counted before, and were acknowledged once more.
    package var duplicates: UInt64 = 0
    /// Requests of all kinds that were refused, by the number of the error.
    package var refusals: [UInt16: UInt64] = [:]
    package var raised: UInt64 = 0
    package var cleared: UInt64 = 0

    package var topics = 0
    package var producers = 0
    package var alerts: [StandingAlert] = []
    package var measuredTopics: [MeasuredTopic] = []

    package init() {}

    mutating func refused(_ code: ErrorCode) {
        self.refusals[code.rawValue, default: 0] += 1
    }

    /// An alert that is raised.
    package struct StandingAlert: Sendable {
        package var topic: [UInt8]
        package var name: String
        package var key: [UInt8]
        /// As JSON; `nil` where nothing was measured.
        package var value: String?
        /// As JSON.
        package var limit: String
        /// Since when, in milliseconds since 1970, as far as this run of the broker knows.
        package var since: UInt64
    }

    /// A topic whose rule asks for it to be measured.
    package struct MeasuredTopic: Sendable {
        package var name: [UInt8]
        package var offset: UInt64
        package var value: Double?
    }
}

extension Broker {
    /// The figures of this moment.
    package var figures: CoreFigures {
        var figures = self.counts
        figures.topics = self.topicCount
        figures.producers = self.producers.count
        for topic in self.watchedTopics where !topic.isForgotten {
            if topic.rule.isMeasured { figures.measuredTopics.append(self.measurement(of: topic)) }
            figures.alerts += topic.alerts.standing(of: topic.name, now: self.now)
        }
        return figures
    }

    private func measurement(of topic: TopicState) -> CoreFigures.MeasuredTopic {
        let number = (try? topic.load()) == nil ? nil : topic.accumulator?.value.primaryNumber
        return CoreFigures.MeasuredTopic(
            name: topic.name,
            offset: topic.offset,
            value: number.map { $0.distance(above: ExactDecimal(units: 0, scale: $0.scale)) }
        )
    }
}

extension TopicAlerts {
    /// The alerts that are raised.
    func standing(of topic: [UInt8], now: BrokerTime) -> [CoreFigures.StandingAlert] {
        var standing: [CoreFigures.StandingAlert] = []
        for entry in self.entries {
            for (key, state) in entry.states where state.isRaised {
                let age = (now.monotonic - min(state.raisedAt, now.monotonic)) / BrokerTime.nanosecondsPerMillisecond
                standing.append(
                    CoreFigures.StandingAlert(
                        topic: topic,
                        name: entry.rule.name,
                        key: key.isEmpty ? state.label : key,
                        value: state.value.map { "\($0)" },
                        limit: entry.rule.limitText(for: state.value),
                        since: now.wall - min(age, now.wall)
                    )
                )
            }
        }
        return standing
    }
}
