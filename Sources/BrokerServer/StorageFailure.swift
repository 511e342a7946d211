import Logging
import ServiceLifecycle
import Synchronization

/// The news that the store has stopped for good.
final class StorageFailure: Sendable {
    private let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation
    private let logger: Logger

    init(logger: Logger) {
        (self.stream, self.continuation) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1))
        self.logger = logger
    }

    func report(_ reason: String) {
        self.logger.critical("the store has stopped", metadata: ["reason": "\(reason)"])
        self.continuation.yield(reason)
    }

    /// The reason, once there is one.
    func wait() async -> String? {
        for await reason in self.stream { return reason }
        return nil
    }
}

/// Ends the broker some time after its store has failed: what was read goes on being read meanwhile, and then a
/// restart finds out what is on the disk.
struct StorageWatch: Service {
    let failure: StorageFailure
    let readiness: Readiness

    /// Long enough for a load balancer to notice, short enough that publishers are not refused for long.
    static let grace = Duration.seconds(10)

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            guard let reason = await self.failure.wait() else { return }
            self.readiness.set(.notReady("storage"))
            try? await Task.sleep(for: Self.grace)
            throw BrokerError.storageFailed(reason: reason)
        }
    }
}
