package import BrokerAggregation
package import BrokerWire

/// Whether what a topic holds survives the broker.
public enum Durability: String, Hashable, Sendable, CaseIterable, Codable {
    /// Told to nobody before it is committed and fsynced.
    case disk
    /// Told at once, gone with the process.
    case memory
}

/// What governs the topics that match a filter. The first rule whose filter matches a topic is the one.
package struct TopicRule: Sendable {
    package var filter: TopicFilter
    /// Makes the topic's accumulator, or `nil` for a topic of events.
    package var aggregator: AggregatorRegistry.Factory?
    package var number: NumberFormat
    /// Whether numbers that would have to be rounded are refused.
    package var isStrict: Bool
    package var durability: Durability
    /// Where the number, or the label, is in what is published.
    package var value = FieldPath.pointer(.whole)
    /// What a publish is about.
    package var key: FieldPath?
    /// Which publishes are taken; `nil` for all.
    package var condition: Condition?
    /// How long a key may be silent before it leaves the fold across keys, in nanoseconds; `nil` for ever.
    package var staleAfter: UInt64?
    /// How its windows are told, if it has any.
    package var window: WindowRule?
    package var alerts: [AlertRule] = []
    /// The most keys that an alert remembers.
    package var alertKeysMax = 10_000
    /// Set for a view: nobody publishes to its topics.
    package var view: View?
    /// The rule as it is written: those that are written alike do the same. Empty for one that nobody wrote.
    package var text: [UInt8] = []

    /// What a view is made from, and where its results go.
    package struct View: Hashable, Sendable {
        package var from: TopicFilter
        package var topic: TopicTemplate

        package init(from: TopicFilter, topic: TopicTemplate) {
            self.from = from
            self.topic = topic
        }
    }

    /// Whether `data` itself is the number, as it nearly always is, and nothing has to be looked for.
    var takesDataAsIs: Bool {
        let takesNumbers = self.aggregator.map { $0.input == .number || $0.input == .anything } ?? true
        return takesNumbers && self.value == .pointer(.whole) && self.key == nil && self.condition == nil
            && self.window == nil && self.alerts.isEmpty
    }

    /// How long the longest topic is that alerts publish to for a key of so many bytes; 0 if no key becomes a level.
    func alertTopicBytes(keyBytes: Int) -> Int {
        let topics = self.alerts.flatMap(\.allActions).map(\.topic).filter(\.hasKey)
        return topics.map { $0.bytes(keyBytes: keyBytes) }.max() ?? 0
    }

    /// Whether its topics are among the figures that the broker tells about itself.
    package var isMeasured = false

    /// The key that the name of a topic of this rule says by itself, whatever is published.
    func key(of name: [UInt8]) -> [UInt8]? {
        if let view = self.view { return view.topic.key(in: name) }
        guard case .level(let number)? = self.key else { return nil }
        return name.withUnsafeBytes { name in
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            return Published(data: none, topic: name, filter: self.filter).level(number).map { Array($0) }
        }
    }

    package init(
        filter: TopicFilter,
        aggregator: AggregatorRegistry.Factory? = nil,
        number: NumberFormat = .decimal,
        isStrict: Bool = false,
        durability: Durability = .disk
    ) {
        self.filter = filter
        self.aggregator = aggregator
        self.number = number
        self.isStrict = isStrict
        self.durability = durability
    }
}
