import BrokerClient
import BrokerWire
import NIOPosix

extension SubscribeCommand {
    public func execute() async -> ExitStatus {
        // One thread each for whoever reads the output and the errors, and one for a command.
        let pool = NIOThreadPool(numberOfThreads: 3)
        pool.start()
        let (interruptions, continuation) = AsyncStream.makeStream(of: Interruption.self)
        let output = OutputWriter(descriptor: SystemCall.standardOutput, pool: pool) {
            continuation.yield(.outputClosed)
        }
        do {
            let (address, filters) = try self.target()
            let watch = self.display.isWatching ? try WatchTarget(title: "\(address)", output: output) : nil
            let errors = OutputWriter(pool: pool) { bytes in
                let text = String(decoding: bytes, as: UTF8.self)
                // A screen has a place for it, and a line in its midst would be lost.
                if let watch, watch.note(TerminalText.lastLine(of: text)) { return true }
                return SystemCall.writeAll(bytes, to: SystemCall.standardError)
            }
            let client = BrokerClient(
                .forTool(Self.toolName, try self.connection.connection(), errors: errors) { _ in }
            )
            let run = SubscribeRun(
                client: client,
                filters: filters,
                options: self.choice.options,
                selection: try self.selection(),
                target: try self.messageTarget(watch, client, pool, output, errors),
                idle: self.ending.idle.map { IdleTimer(.seconds($0), interruptions: continuation) },
                output: output,
                errors: errors
            )
            watch?.start(interruptions: continuation)
            return await run.run(seconds: self.ending.timeout, interruptions: interruptions)
        } catch {
            return Self.failed(error)
        }
    }

    /// What becomes of the messages.
    private func messageTarget(
        _ watch: WatchTarget?,
        _ client: BrokerClient,
        _ pool: NIOThreadPool,
        _ output: OutputWriter,
        _ errors: OutputWriter
    ) throws -> any MessageTarget {
        var target: any MessageTarget = PrintTarget(format: try self.display.format(), output: output)
        if let watch { target = watch }
        if let command = self.display.command {
            target = CommandTarget(command: command, errors: errors, pool: pool)
        }
        return self.choice.removeRetained ? RemovingTarget(client: client, errors: errors, next: target) : target
    }
}

/// One run of `wssub`.
struct SubscribeRun: Sendable {
    let client: BrokerClient
    let filters: [TopicFilter]
    let options: SubscriptionOptions
    let selection: MessageSelection
    let target: any MessageTarget
    let idle: IdleTimer?
    let output: OutputWriter
    let errors: OutputWriter

    func run(seconds: Double?, interruptions: AsyncStream<Interruption>) async -> ExitStatus {
        let end = await InterruptibleWork.run(seconds: seconds, interruptions: interruptions) {
            await self.takeMessages()
        }
        var status: ExitStatus =
            switch end {
            case .finished(nil): .success
            case .finished(.some(let failure)): failure.status
            case .interrupted(.timeout): .timeout
            case .interrupted: .success
            }
        await self.client.shutdown()
        await self.target.finish()
        if case .finished(.some(let failure)) = end { self.errors.appendLine("wssub: \(failure.reason)") }
        if status == .timeout { self.errors.appendLine("wssub: timed out") }
        if status == .success { status = self.target.status }
        await self.output.flush()
        await self.errors.flush()
        return status
    }

    /// Why a run ended that should not have.
    private struct Failure: Sendable {
        var reason: String
        var status: ExitStatus
    }

    private func takeMessages() async -> Failure? {
        do {
            try await self.client.start()
            self.idle?.start()
            let subscription = try await self.client.subscribe(to: self.filters, options: self.options)
            var selection = self.selection
            while let part = try await subscription.nextPart() {
                let (selected, isDone) = selection.take(part.messages, endsSnapshot: part.endsSnapshot)
                if !selected.isEmpty {
                    self.idle?.touch()
                    try await self.target.take(selected)
                }
                if isDone {
                    await self.client.unsubscribe(subscription)
                    return nil
                }
            }
            return nil
        } catch let error as ClientError {
            return Failure(reason: error.message, status: ExitStatus(error))
        } catch is CancellationError {
            // Whoever interrupted the run says how it ends.
            return nil
        } catch {
            return Failure(reason: "\(error)", status: .runtime)
        }
    }
}
