import BrokerClient

/// What becomes of the messages that `wssub` has selected.
protocol MessageTarget: Sendable {
    /// Takes the next messages; returns when it has room for more.
    func take(_ messages: [Message]) async throws
    /// There will be no more.
    func finish() async
    /// What it makes of a run that went well otherwise.
    var status: ExitStatus { get }
}

extension MessageTarget {
    func finish() async {}

    var status: ExitStatus { .success }
}

/// Prints them.
struct PrintTarget: MessageTarget {
    let format: MessageFormat
    let output: OutputWriter

    func take(_ messages: [Message]) async {
        let now = SystemCall.wallMilliseconds()
        self.output.append { pending in
            for message in messages { self.format.append(message, arrivedAt: now, to: &pending) }
        }
        // Who reads slowly makes this loop slow, and that makes the client stop reading.
        await self.output.waitForRoom()
    }
}
