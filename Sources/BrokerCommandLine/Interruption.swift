import Dispatch

/// What ends a tool before its work is done.
enum Interruption: Sendable, Hashable {
    /// SIGINT or SIGTERM.
    case signal
    /// The time that `-W` allowed is over.
    case timeout
    /// Nothing has come for as long as `--idle` allowed.
    case idle
    /// A key that ends the live screen.
    case key
    /// Nobody reads the output any more.
    case outputClosed
}

/// Runs a piece of work until it ends or something interrupts it.
enum InterruptibleWork {
    enum End<Value: Sendable>: Sendable {
        case finished(Value)
        case interrupted(Interruption)
    }

    /// Runs `work`, which is not waited for after an interruption: it may hang in a system call that nothing ends.
    ///
    /// - `seconds`: How long it may take.
    /// - `interruptions`: Other things that may end it.
    static func run<Value: Sendable>(
        seconds: Double?,
        interruptions: AsyncStream<Interruption>,
        _ work: @escaping @Sendable () async -> Value
    ) async -> End<Value> {
        let (ends, continuation) = AsyncStream.makeStream(of: End<Value>.self)
        let sources = SystemCall.endingSignals.map { number in
            SystemCall.setIgnored(number, true)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                // A second one means it.
                SystemCall.setIgnored(number, false)
                continuation.yield(.interrupted(.signal))
            }
            source.resume()
            return source
        }
        var tasks: [Task<Void, Never>] = [
            Task {
                let value = await work()
                continuation.yield(.finished(value))
            },
            Task {
                for await interruption in interruptions { continuation.yield(.interrupted(interruption)) }
            },
        ]
        if let seconds {
            let task = Task<Void, Never> {
                try? await Task.sleep(for: .seconds(seconds))
                continuation.yield(.interrupted(.timeout))
            }
            tasks.append(task)
        }
        defer {
            for source in sources { source.cancel() }
            for task in tasks { task.cancel() }
        }
        for await end in ends { return end }
        return .interrupted(.signal)
    }
}
