import BrokerWire

/// Topics as text, for programs that import this module only.
///
/// A text that is no topic throws a ``ClientError`` with the code `invalidArgument`.
extension BrokerClient {
    /// Publishes the JSON text `data`; see ``publish(_:to:retain:)-([UInt8],_,_)``.
    @discardableResult
    public func publish(_ data: String, to topic: String, retain: Bool = false) async throws -> PublishAcknowledgement {
        try await self.publish(data, to: Self.topic(topic), retain: retain)
    }

    /// The value of `topic`, or `nil` if it has none; see ``get(_:)-(Topic)``.
    public func get(_ topic: String) async throws -> Message? {
        try await self.get(Self.topic(topic))
    }

    /// Subscribes to the topics that `filter` matches; see ``subscribe(to:options:)-(TopicFilter,_)``.
    public func subscribe(
        to filter: String,
        options: SubscriptionOptions = SubscriptionOptions()
    ) async throws -> Subscription {
        let checked: TopicFilter
        do throws(TopicError) {
            checked = try TopicFilter(filter)
        } catch {
            throw ClientError(.invalidArgument, "the topic filter '\(filter)' \(error)")
        }
        return try await self.subscribe(to: checked, options: options)
    }

    /// Makes a pipeline for many publishes to `topic`; see
    /// ``pipeline(to:retain:isAcknowledged:onOutcome:)-(Topic,_,_,_)``.
    public func pipeline(
        to topic: String,
        retain: Bool = false,
        isAcknowledged: Bool = true,
        onOutcome: @escaping @Sendable (_ tag: UInt64, _ outcome: PublishOutcome) -> Void = { _, _ in }
    ) throws -> PublishPipeline {
        self.pipeline(
            to: try Self.topic(topic),
            retain: retain,
            isAcknowledged: isAcknowledged,
            onOutcome: onOutcome
        )
    }

    private static func topic(_ text: String) throws(ClientError) -> Topic {
        do throws(TopicError) {
            return try Topic(text)
        } catch {
            throw ClientError(.invalidArgument, "the topic '\(text)' \(error)")
        }
    }
}

extension Message {
    /// The value as JSON text.
    public var text: String { String(decoding: self.data, as: UTF8.self) }
}

extension PublishAcknowledgement {
    /// The topic's running value as JSON text; absent on topics without an aggregator.
    public var text: String? { self.data.map { String(decoding: $0, as: UTF8.self) } }
}
