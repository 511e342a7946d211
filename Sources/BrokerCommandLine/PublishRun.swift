import BrokerClient
import BrokerWire
import NIOPosix
import Synchronization

extension PublishCommand {
    public func execute() async -> ExitStatus {
        guard let (_, topic) = try? self.target() else { return .usage }
        // One thread waits for input, and one each for whoever reads the output and the errors.
        let pool = NIOThreadPool(numberOfThreads: 3)
        pool.start()
        do {
            let connection = try self.connection.connection()
            return await (try PublishRun(self, connection: connection, topic: topic, pool: pool)).run()
        } catch {
            return Self.failed(error)
        }
    }
}

/// One run of `wspub`.
final class PublishRun: Sendable {
    /// The largest message that is read from standard input; the broker's own limit is far below.
    private static let inputBytesMax = 16 * 1024 * 1024

    private let topic: Topic
    private let isAcknowledged: Bool
    private let retain: Bool
    private let isResuming: Bool
    private let seconds: Double?
    private let source: Source
    private let client: BrokerClient
    private let input: InputReader
    private let output: OutputWriter
    private let errors: OutputWriter
    private let results: PublishResults

    enum Source: Sendable {
        case message([UInt8])
        case lines
        case file
    }

    init(
        _ command: PublishCommand,
        connection: ToolConnection,
        topic: Topic,
        pool: NIOThreadPool
    ) throws(InputError) {
        let path = command.linesPath
        let descriptor: Int32
        if let path {
            descriptor = try SystemCall.openForReading(path)
        } else {
            descriptor = SystemCall.standardInput
        }
        self.topic = topic
        self.isAcknowledged = command.qos == 1
        self.retain = command.retain
        self.isResuming = command.producer.resume
        self.seconds = command.timeout
        self.source =
            command.lines
            ? .lines : command.file ? .file : .message(Array((command.null ? "null" : command.message ?? "").utf8))
        self.input = InputReader(descriptor: descriptor, path: path, pool: pool)
        self.output = OutputWriter(descriptor: SystemCall.standardOutput, pool: pool)
        self.errors = OutputWriter(descriptor: SystemCall.standardError, pool: pool)
        let results = PublishResults(
            output: command.quiet ? nil : self.output,
            errors: self.errors,
            namesLines: command.lines,
            path: path
        )
        self.results = results
        let isAcknowledged = self.isAcknowledged
        self.client = BrokerClient(
            .forTool(PublishCommand.toolName, connection, errors: self.errors) { configuration in
                configuration.inFlightMax = command.maxInflight
                configuration.producer = command.producer.kind(isAcknowledged: isAcknowledged)
                let report = configuration.onEvent
                configuration.onEvent = { event in
                    if case .refused(let refusal, _) = event {
                        // Where everything is acknowledged it is about the connection, and what ends that says it.
                        return isAcknowledged ? () : results.refusedUnasked(refusal)
                    }
                    report?(event)
                }
            }
        )
    }

    func run() async -> ExitStatus {
        let end = await InterruptibleWork.run(seconds: self.seconds, interruptions: AsyncStream { $0.finish() }) {
            await self.publishAll()
        }
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
        let results = self.results
        do {
            try await self.client.start()
            let pipeline = self.client.pipeline(
                to: self.topic,
                retain: self.retain,
                isAcknowledged: self.isAcknowledged
            ) { tag, outcome in
                results.ended(tag, outcome)
            }
            switch self.source {
            case .message(let message): try await self.publish(message[...], number: 1, to: pipeline)
            case .file: try await self.publishFile(to: pipeline)
            case .lines: try await self.publishLines(to: pipeline)
            }
            try await pipeline.waitForOutcomes()
            if let failure = self.client.failure, results.isIncomplete { throw failure }
            if !self.isAcknowledged { try await self.settleUnanswered() }
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

    private func publishFile(to pipeline: PublishPipeline) async throws {
        guard let message = try await self.input.all(bytesMax: Self.inputBytesMax) else {
            return self.results.refusedHere(1, "longer than \(Self.inputBytesMax) bytes")
        }
        try await self.publish(message[...], number: 1, to: pipeline)
    }

    private func publishLines(to pipeline: PublishPipeline) async throws {
        let position = self.isResuming ? self.client.producer : nil
        var splitter = LineSplitter(lineBytesMax: Self.inputBytesMax, keepsEmpty: position != nil)
        while let block = try await self.input.next() {
            var index = 0
            while let line = splitter.next(in: block, at: &index) {
                try await self.publish(line, after: position, to: pipeline)
            }
            // Who reads the values slowly makes this loop slow, or they would gather without bound.
            await self.output.waitForRoom()
        }
        if let line = splitter.finish() { try await self.publish(line, after: position, to: pipeline) }
    }

    private func publish(
        _ line: LineSplitter.Line,
        after position: ProducerPosition?,
        to pipeline: PublishPipeline
    ) async throws {
        if let position { return try await self.publishNumbered(line, after: position, to: pipeline) }
        guard let bytes = line.bytes else {
            return self.results.refusedHere(line.number, "longer than \(Self.inputBytesMax) bytes")
        }
        try await self.publish(bytes, number: line.number, to: pipeline)
    }

    /// Publishes a line under its own number.
    private func publishNumbered(
        _ line: LineSplitter.Line,
        after position: ProducerPosition,
        to pipeline: PublishPipeline
    ) async throws {
        switch NumberedLine(line, bytesMax: Self.inputBytesMax, after: position) {
        case .settled, .passedOver(reason: nil):
            break
        case .passedOver(.some(let reason)):
            self.results.refusedHere(line.number, reason)
        case .passOver(let reason):
            try await self.passOver(line.number, reason, on: pipeline)
        case .publish(let json):
            self.results.asked()
            do {
                // What has its verdict meanwhile was sent by another run on the same file.
                if try await !pipeline.enqueue(json, seq: line.number) { self.results.neverAsked() }
            } catch let error as ClientError where error.code == .messageTooLarge {
                self.results.neverAsked()
                try await self.passOver(line.number, error.message, on: pipeline)
            } catch {
                self.results.neverAsked()
                throw error
            }
        }
    }

    private func passOver(_ number: UInt64, _ reason: String?, on pipeline: PublishPipeline) async throws {
        self.results.passingOver(number, reason)
        do {
            if try await !pipeline.skip(seq: number) { self.results.neverPassedOver(number) }
        } catch {
            self.results.neverPassedOver(number)
            throw error
        }
    }

    private func publish(_ text: ArraySlice<UInt8>, number: UInt64, to pipeline: PublishPipeline) async throws {
        do {
            let json = try PayloadText.json(of: text)
            self.results.asked()
            // Nearly always there is room, and then nothing is suspended.
            if try pipeline.enqueueIfRoom(json, tag: number) { return }
            try await pipeline.enqueue(json, tag: number)
        } catch let error as PayloadError {
            self.results.refusedHere(number, error.reason)
        } catch let error as ClientError where error.code == .messageTooLarge {
            self.results.neverAsked()
            self.results.refusedHere(number, error.message)
        } catch {
            self.results.neverAsked()
            throw error
        }
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
}
