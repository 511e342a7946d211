import BrokerClient
import BrokerWire
import NIOPosix
import Synchronization

extension PublishCommand {
    public func execute() async -> ExitStatus {
        // One thread waits for input, and one each for whoever reads the output and the errors.
        let pool = NIOThreadPool(numberOfThreads: 3)
        pool.start()
        do {
            let run = try PublishRun(
                self,
                connection: try self.connection.connection(),
                topic: try self.topicOfAll(),
                format: try self.report.messageFormat(),
                pool: pool
            )
            return await run.run()
        } catch {
            return Self.failed(error)
        }
    }
}

/// One run of `wspub`.
final class PublishRun: Sendable {
    /// The largest message that is read from a file; the broker's own limit is far below.
    static let inputBytesMax = 16 * 1024 * 1024

    private let plan: PublishPlan
    private let seconds: Double?
    private let showsProgress: Bool
    private let client: BrokerClient
    private let input: InputReader
    private let output: OutputWriter
    private let errors: OutputWriter
    private let results: PublishResults

    init(
        _ command: PublishCommand,
        connection: ToolConnection,
        topic: Topic?,
        format: MessageFormat?,
        pool: NIOThreadPool
    ) throws(InputError) {
        let plan = PublishPlan(command, topic: topic)
        let path = plan.source.path
        let descriptor: Int32
        if let path {
            descriptor = try SystemCall.openForReading(path)
        } else {
            descriptor = SystemCall.standardInput
        }
        self.plan = plan
        self.seconds = command.timeout
        self.showsProgress = command.showsProgress
        self.input = InputReader(descriptor: descriptor, path: path, pool: pool)
        self.output = OutputWriter(descriptor: SystemCall.standardOutput, pool: pool)
        self.errors = OutputWriter(descriptor: SystemCall.standardError, pool: pool)
        let results = PublishResults(
            output: format == nil ? nil : self.output,
            format: format ?? MessageFormat(isVerbose: false),
            printsAll: command.report.format != nil,
            errors: self.errors,
            namesLines: plan.source.isRecords,
            path: plan.source.isRecords ? path : nil
        )
        self.results = results
        self.client = BrokerClient(
            .forTool(PublishCommand.toolName, connection, errors: self.errors) { configuration in
                configuration.inFlightMax = command.maxInflight
                configuration.producer = command.producer.kind(isAcknowledged: plan.isAcknowledged)
                let report = configuration.onEvent
                configuration.onEvent = { event in
                    if case .refused(let refusal, _) = event {
                        // Where everything is acknowledged it is about the connection, and what ends that says it.
                        return plan.isAcknowledged ? () : results.refusedUnasked(refusal)
                    }
                    report?(event)
                }
            }
        )
    }

    func run() async -> ExitStatus {
        let progress = self.showsProgress ? Task { await self.showProgress() } : nil
        let end = await InterruptibleWork.run(seconds: self.seconds, interruptions: AsyncStream { $0.finish() }) {
            await self.publishAll()
        }
        progress?.cancel()
        await progress?.value
        self.errors.setStatus(nil)
        var status: ExitStatus
        switch end {
        case .finished(let failure):
            status = failure ?? .success
            await self.client.shutdown()
            if status == .success { status = self.results.status }
        case .interrupted(let interruption):
            self.results.summarize()
            await self.client.shutdown()
            let unacknowledged = self.results.unacknowledged
            let cause = interruption == .timeout ? "timed out" : "interrupted"
            if interruption == .timeout || unacknowledged > 0 {
                self.errors.appendLine("wspub: \(cause): \(unacknowledged) publishes unacknowledged")
            }
            status = interruption == .timeout ? .timeout : unacknowledged > 0 ? .unknown : .success
        }
        await self.output.flush()
        await self.errors.flush()
        return status
    }

    /// Publishes everything and waits for the answers; returns the status when something ended it early.
    private func publishAll() async -> ExitStatus? {
        do {
            try await self.client.start()
            let publisher = RecordPublisher(self.plan, client: self.client, results: self.results)
            switch self.plan.source {
            case .message(let message): try await publisher.publish(message: message)
            case .whole: try await self.publishFile(with: publisher)
            case .records(let format, _): try await self.publishRecords(format, with: publisher)
            }
            try await publisher.waitForOutcomes()
            if let failure = self.client.failure, self.results.isIncomplete { throw failure }
            if !self.plan.isAcknowledged { try await self.settleUnanswered() }
            return nil
        } catch let error as ClientError {
            self.errors.appendLine("wspub: \(error.message)")
            let status = ExitStatus(error)
            return self.results.status == .unknown && status != .fenced ? .unknown : status
        } catch is CancellationError {
            // Whoever interrupted the run says how it ends.
            return nil
        } catch {
            self.errors.appendLine("wspub: \(error)")
            return .runtime
        }
    }

    private func publishFile(with publisher: RecordPublisher) async throws {
        guard let message = try await self.input.all(bytesMax: Self.inputBytesMax) else {
            return self.results.refusedHere(1, "longer than \(Self.inputBytesMax) bytes")
        }
        try await publisher.publish(message: message)
    }

    private func publishRecords(_ format: RecordFormat, with publisher: RecordPublisher) async throws {
        let position = self.plan.isResuming ? self.client.producer : nil
        var splitter = LineSplitter(
            lineBytesMax: Self.inputBytesMax,
            keepsEmpty: position != nil,
            separator: format.separator
        )
        while let block = try await self.input.next() {
            var index = 0
            while let line = splitter.next(in: block, at: &index) {
                try await publisher.publish(line, as: format, after: position)
            }
            // Who reads the values slowly makes this loop slow, or they would gather without bound.
            await self.output.waitForRoom()
        }
        if let line = splitter.finish() { try await publisher.publish(line, as: format, after: position) }
    }

    /// Asks the broker for an answer of some kind, so that refusals of what came before have arrived.
    private func settleUnanswered() async throws {
        do {
            try await self.client.ping()
        } catch let error as ClientError where error.code == .connectionLost {
            self.errors.appendLine("wspub: \(error.message); publishes may be lost")
            self.results.lostUnanswered()
        }
    }

    /// Shows how far it is, from the first second on, until it is cancelled.
    private func showProgress() async {
        var meter = ProgressMeter()
        let begin = ContinuousClock.now
        var pause = Duration.seconds(1)
        while (try? await Task.sleep(for: pause)) != nil {
            let columns = SystemCall.terminalSize(SystemCall.standardError).columns
            let reading = self.results.progress
            self.errors.setStatus(meter.line(reading, at: ContinuousClock.now - begin, columns: columns))
            pause = .milliseconds(200)
        }
    }
}

extension PublishCommand {
    /// On a terminal, unless the values are printed there, which says as much.
    var showsProgress: Bool {
        self.report.progress
            ?? (SystemCall.isTerminal(SystemCall.standardError)
                && (self.report.quiet || !SystemCall.isTerminal(SystemCall.standardOutput)))
    }
}
