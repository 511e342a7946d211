public import BrokerWire
import NIOCore

/// The messages of one subscription, in the order in which the broker sent them.
///
/// It outlives connections: after a loss the client subscribes again by itself, and the sequence goes on. It ends
/// when the client is shut down or the subscription given up, and throws when the broker refuses it or the client
/// gives up for good.
///
/// What a program does not read in time is kept up to the limits of ``ClientConfiguration``; then the client stops
/// reading from the broker, which skips values of `latest` topics and finally closes the connection for `all` ones.
/// One task reads at a time. A subscription that nobody holds any more is given up.
public struct Subscription: AsyncSequence, Sendable {
    /// What it is a sequence of.
    public typealias Element = Message

    /// What was subscribed to.
    public var filters: [TopicFilter] { self.handle.filters }

    let handle: Handle

    /// Reads the messages of a subscription; all iterators of one take from the same.
    public struct AsyncIterator: AsyncIteratorProtocol {
        let handle: Handle

        /// The next message, or `nil` after the last.
        public mutating func next() async throws -> Message? { try await self.handle.queue.next() }
    }

    /// An iterator for `for try await`.
    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(handle: self.handle) }

    /// All messages that have arrived, at least one, or `nil` after the last.
    ///
    /// A program that writes what it reads can write a batch at a time.
    public func nextBatch() async throws -> [Message]? {
        try await self.handle.queue.nextBatch().map { Array($0) }
    }

    /// Messages that have arrived, and whether they are the last of what was there before the subscription.
    package func nextPart() async throws -> (messages: [Message], endsSnapshot: Bool)? {
        try await self.handle.queue.nextPart().map { (Array($0.messages), $0.endsSnapshot) }
    }

    /// Gives the subscription up when the last copy of it goes.
    final class Handle: Sendable {
        let owner: UInt64
        let filters: [TopicFilter]
        let queue: MessageQueue
        private let onRelease: @Sendable () -> Void

        init(owner: UInt64, filters: [TopicFilter], queue: MessageQueue, onRelease: @escaping @Sendable () -> Void) {
            self.owner = owner
            self.filters = filters
            self.queue = queue
            self.onRelease = onRelease
        }

        deinit {
            self.onRelease()
        }
    }
}
