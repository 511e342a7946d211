import BrokerClient
import BrokerWire
import NIOPosix

extension SubscribeCommand {
    public func execute() async -> ExitStatus {
        guard let (_, filters) = try? self.target(), let format = try? self.messageFormat() else { return .usage }
        // One thread each for whoever reads the output and the errors.
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        let (interruptions, continuation) = AsyncStream.makeStream(of: Interruption.self)
        let output = OutputWriter(descriptor: SystemCall.standardOutput, pool: pool) {
            continuation.yield(.outputClosed)
        }
        let errors = OutputWriter(descriptor: SystemCall.standardError, pool: pool)
        let connection: ToolConnection
        do {
            connection = try self.connection.connection()
        } catch {
            return Self.failed(error)
        }
        let client = BrokerClient(.forTool(Self.toolName, connection, errors: errors) { _ in })
        let run = SubscribeRun(
            client: client,
            filters: filters,
            options: self.options,
            format: format,
            count: self.count,
            output: output,
            errors: errors
        )
        return await run.run(seconds: self.timeout, interruptions: interruptions)
    }
}

/// One run of `wssub`.
struct SubscribeRun: Sendable {
    let client: BrokerClient
    let filters: [TopicFilter]
    let options: SubscriptionOptions
    let format: MessageFormat
    /// How many messages to print, or `nil` for all that come.
    let count: Int?
    let output: OutputWriter
    let errors: OutputWriter

    func run(seconds: Double?, interruptions: AsyncStream<Interruption>) async -> ExitStatus {
        let end = await InterruptibleWork.run(seconds: seconds, interruptions: interruptions) {
            await self.printMessages()
        }
        let status: ExitStatus =
            switch end {
            case .finished(let status): status
            case .interrupted(.timeout): .timeout
            case .interrupted(.signal), .interrupted(.outputClosed): .success
            }
        if status == .timeout { self.errors.appendLine("wssub: timed out") }
        await self.client.shutdown()
        await self.output.flush()
        await self.errors.flush()
        return status
    }

    private func printMessages() async -> ExitStatus {
        do {
            try await self.client.start()
            let subscription = try await self.client.subscribe(to: self.filters, options: self.options)
            var left = self.count ?? Int.max
            while let batch = try await subscription.nextBatch() {
                let printed = batch.prefix(left)
                self.output.append { pending in
                    for message in printed { self.format.append(message, to: &pending) }
                }
                left -= printed.count
                if left == 0 { return .success }
                // Who reads slowly makes this loop slow, and that makes the client stop reading.
                await self.output.waitForRoom()
            }
            return .success
        } catch let error as ClientError {
            self.errors.appendLine("wssub: \(error.message)")
            return ExitStatus(error)
        } catch is CancellationError {
            // Whoever interrupted the run says how it ends.
            return .success
        } catch {
            self.errors.appendLine("wssub: \(error)")
            return .runtime
        }
    }
}
