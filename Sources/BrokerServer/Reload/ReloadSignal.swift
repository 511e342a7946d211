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
    }
}
