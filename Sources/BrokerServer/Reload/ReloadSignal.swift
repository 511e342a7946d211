import ServiceLifecycle
import UnixSignals

/// Reloads when the process is told to by a signal.
struct ReloadSignal: Service {
    let signals: UnixSignalsSequence
    let reloader: Reloader

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in self.signals { _ = await self.reloader.reload() }
        }
        // Without a signal to wait for, too: a service that ends ends all of them.
        try await gracefulShutdown()
    }
}
