package import BrokerWire

/// What one client and the whole broker may use.
package struct BrokerLimits: Hashable, Sendable {
    package var wire = WireLimits()
    /// The most subscriptions of one connection; each is matched against every topic.
    package var subscriptionsPerConnection = 128
    /// The most topics at a time; each costs some hundred bytes for as long as it has a value.
    package var topics = 1_000_000
    /// The most keys of a topic that folds per key, where its rule says nothing else; each is a state of its own.
    package var keysPerTopic = 10_000
    /// The most bytes that wait for one client before it is closed as a slow consumer.
    package var outboxBytes = 1024 * 1024
    /// The longest pause between two rounds of totals to very many, in nanoseconds; 0 for none. A person does not see
    /// that a number is fifty milliseconds old.
    package var totalsPauseMax = 50 * BrokerTime.nanosecondsPerMillisecond
    /// The most requests of one connection without an answer; past it the socket is not read.
    package var unacknowledgedMessages = 1024
    /// The same in bytes.
    package var unacknowledgedBytes = 4 * 1024 * 1024
    /// The most frames within ten seconds that are no valid request.
    package var errorsPerTenSeconds = 20
    /// The most producers that are remembered; past it the one that was used longest ago is forgotten. Each is a row of
    /// some 250 bytes.
    package var producers = 100_000
    /// How long a publish with `once` is remembered, in seconds of the store's time: longer than anybody retries.
    package var onceSeconds = 120
    /// The most publishes with `once` that are remembered; each costs some 200 bytes.
    package var onces = 1_000_000
    /// How long an event topic that nobody uses keeps its offset, in nanoseconds. Long enough for a client that
    /// reconnects to find it, short enough that a stranger's made-up names are soon gone.
    package var idleTopicAge = 60 * BrokerTime.nanosecondsPerSecond

    package init() {}
}
