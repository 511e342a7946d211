import BrokerClient
import BrokerWire
import Synchronization

/// Clears what the broker retains of each message, and hands it on.
final class RemovingTarget: MessageTarget {
    private let client: BrokerClient
    private let errors: OutputWriter
    private let next: any MessageTarget
    private let gravest = Mutex(ExitStatus.success)

    init(client: BrokerClient, errors: OutputWriter, next: any MessageTarget) {
        self.client = client
        self.errors = errors
        self.next = next
    }

    func take(_ messages: [Message]) async throws {
        // All at once, so that they share their commits; the client waits where too many are under way.
        try await withThrowingDiscardingTaskGroup { group in
            for message in messages where message.isRetained {
                group.addTask { try await self.remove(message.topic) }
            }
        }
        try await self.next.take(messages)
    }

    private func remove(_ topic: Topic) async throws {
        do {
            try await self.client.publish("null", to: topic, retain: true)
        } catch let error as ClientError where error.refusal != nil {
            // A total is no retained message, and is not cleared like one.
            self.errors.appendLine("wssub: '\(topic)' stays: \(error.message)")
            self.gravest.withLock { $0 = ExitStatus(error) }
        }
    }

    func finish() async {
        await self.next.finish()
    }

    var status: ExitStatus {
        let own = self.gravest.withLock { $0 }
        return own == .success ? self.next.status : own
    }
}
