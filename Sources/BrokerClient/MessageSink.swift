/// Where the messages of one subscription go.
protocol MessageSink: AnyObject, Sendable {
    /// Takes `messages`, and leaves the array empty; returns whether there is room for more.
    ///
    /// Called on the client's event loop.
    func push(_ messages: inout [Message]) -> MessageQueue.Room
    /// All that was there before the subscription has been pushed.
    func snapshotEnded()
    /// There will be no more, for `error` if there is one.
    func finish(_ error: ClientError?)
}

/// Hands messages to the program on the event loop itself, as they come.
///
/// Nothing is kept and no task is woken, so who reads can not be behind: as long as it works, nothing else is read.
final class DirectMessages: MessageSink {
    private let onMessages: @Sendable ([Message]) -> Void
    private let onEnd: @Sendable (ClientError?) -> Void

    init(
        onMessages: @escaping @Sendable ([Message]) -> Void,
        onEnd: @escaping @Sendable (ClientError?) -> Void
    ) {
        self.onMessages = onMessages
        self.onEnd = onEnd
    }

    func push(_ messages: inout [Message]) -> MessageQueue.Room {
        self.onMessages(messages)
        messages.removeAll(keepingCapacity: true)
        return .some
    }

    func snapshotEnded() {}

    func finish(_ error: ClientError?) {
        self.onEnd(error)
    }
}
