import BrokerClient
import NIOCore
import NIOPosix

extension BenchCommand {
    public func execute() async -> ExitStatus {
        guard let plan = try? self.plan() else { return .usage }
        let connection: ToolConnection
        do {
            connection = try self.connection.connection()
        } catch {
            return Self.failed(error)
        }
        SystemCall.raiseDescriptorLimit()
        // One thread each for whoever reads the output and the errors.
        let pool = NIOThreadPool(numberOfThreads: 2)
        pool.start()
        let run = BenchRun(
            plan: plan,
            connection: connection,
            isJSON: self.json,
            showsProgress: !self.quiet && SystemCall.isTerminal(SystemCall.standardError),
            output: OutputWriter(descriptor: SystemCall.standardOutput, pool: pool),
            errors: OutputWriter(descriptor: SystemCall.standardError, pool: pool)
        )
        return await run.run(seconds: self.timeout)
    }
}

/// One run of `wsbench`: connects everything, lets it publish, waits for the end and reports.
final class BenchRun: Sendable {
    /// How often the run looks whether it is over.
    private static let step: Duration = .milliseconds(20)
    /// How many steps are between two lines of progress.
    private static let progressSteps = 25
    /// How many connections are made at a time, fewer than a listener's backlog.
    private static let connectingMax = 64
    /// How long nothing may be acknowledged before what is open is given up.
    private static let silenceMax: UInt64 = 30_000_000_000
    /// How long nothing may be delivered, after the last acknowledgement, before the rest counts as missing.
    private static let deliverySilenceMax: UInt64 = 2_000_000_000
    /// How long what is under way may take when somebody has interrupted the run.
    private static let interruptedMax: UInt64 = 1_000_000_000

    private let plan: BenchPlan
    private let isJSON: Bool
    private let showsProgress: Bool
    private let output: OutputWriter
    private let errors: OutputWriter
    private let recorders: [BenchRecorder]
    private let topics: BenchTopics
    private let publishers: [BenchPublisher]
    private let subscribers: [BenchSubscriber]
    private let payload: EventPayload?
    private let measurement = BenchMeasurement()

    init(
        plan: BenchPlan,
        connection: ToolConnection,
        isJSON: Bool,
        showsProgress: Bool,
        output: OutputWriter,
        errors: OutputWriter
    ) {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: plan.threads)
        let recorders = group.makeIterator().map { BenchRecorder(eventLoop: $0) }
        let topics = BenchTopics(count: plan.topics.count)
        let payload: EventPayload? =
            if case .event(let bytes) = plan.payload { EventPayload(size: bytes, run: .random(in: .min ... .max)) } else
            {
                nil
            }
        let places = Dictionary(uniqueKeysWithValues: plan.topics.enumerated().map { ($1, $0) })
        self.plan = plan
        self.isJSON = isJSON
        self.showsProgress = showsProgress
        self.output = output
        self.errors = errors
        self.recorders = recorders
        self.topics = topics
        self.payload = payload
        self.publishers = (0..<plan.publishers).map { place in
            let recorder = recorders[place % recorders.count]
            let producer = plan.isDurable ? ClientConfiguration.Producer.ephemeral : .none
            let client = Self.client(plan, connection, recorder, errors: errors, producer: producer)
            return BenchPublisher(client: client, recorder: recorder, topics: topics, plan: plan)
        }
        self.subscribers = (0..<plan.subscribers).map { place in
            let recorder = recorders[place % recorders.count]
            return BenchSubscriber(
                client: Self.client(plan, connection, recorder, errors: errors, producer: .none),
                recorder: recorder,
                topics: topics,
                places: places,
                payload: payload
            )
        }
    }

    private static func client(
        _ plan: BenchPlan,
        _ connection: ToolConnection,
        _ recorder: BenchRecorder,
        errors: OutputWriter,
        producer: ClientConfiguration.Producer
    ) -> BrokerClient {
        let configuration = ClientConfiguration.forTool(
            BenchCommand.toolName,
            connection,
            errors: errors
        ) { configuration in
            configuration.producer = producer
            configuration.inFlightMax = if case .window(let size) = plan.pace { size } else { .max }
            // A loss is one of the figures and not a line for each of a thousand connections.
            configuration.onEvent = { event in
                switch event {
                case .connected, .credentialsRenewed, .regressed: break
                case .disconnected(let error, _), .renewalFailed(let error): recorder.record { $0.failed(error) }
                case .refused(let refusal, _), .publishesHeld(let refusal, _):
                    recorder.record { $0.failed(refusal) }
                }
            }
        }
        return BrokerClient(configuration, on: recorder.eventLoop)
    }

    // MARK: The run

    func run(seconds: Double?) async -> ExitStatus {
        let end = await InterruptibleWork.run(seconds: seconds, interruptions: AsyncStream { $0.finish() }) {
            await self.measure()
        }
        var failure: ExitStatus?
        var interruption: Interruption?
        switch end {
        case .finished(let status): failure = status
        case .interrupted(let cause):
            interruption = cause
            for publisher in self.publishers { publisher.stop() }
            await self.waitForAnswers(silenceMax: Self.interruptedMax)
        }
        self.measurement.end(at: self.recorders[0].now)
        self.clearProgress()
        // The terminal shows both: the result has to come after what is erased.
        await self.errors.flush()
        var result = self.result()
        result.interruption = interruption
        result.failure = failure
        if self.measurement.start != nil {
            let text = self.isJSON ? BenchReport.json(of: result) : BenchReport.text(of: result)
            self.output.append { $0 += text.utf8 }
        } else if interruption == .timeout {
            self.errors.appendLine("wsbench: timed out")
        }
        await self.output.flush()
        await self.errors.flush()
        await self.shutDown()
        return result.status
    }

    /// Does the whole; returns the status when something kept it from its end.
    private func measure() async -> ExitStatus? {
        do {
            try await self.connect()
            self.begin()
            try await self.waitForPublishes()
            try await self.waitForDeliveries()
            return self.publishers.lazy.compactMap { $0.failure }.first.map { ExitStatus($0) }
        } catch let error as ClientError {
            self.errors.appendLine("wsbench: \(error.message)")
            return ExitStatus(error)
        } catch is CancellationError {
            // Whoever interrupted the run says how it ends.
            return nil
        } catch {
            self.errors.appendLine("wsbench: \(error)")
            return .runtime
        }
    }

    private func connect() async throws {
        // Who subscribes has to be there before anything is published.
        try await Self.forAll(self.subscribers) { subscriber in
            try await subscriber.client.start()
            try await subscriber.subscribe(self.plan)
        }
        try await Self.forAll(self.publishers) { try await $0.client.start() }
    }

    private func begin() {
        let start = self.recorders[0].now
        let measuringStart = start + BenchPlan.nanoseconds(self.plan.warmUpSeconds)
        self.measurement.begin(at: measuringStart)
        for subscriber in self.subscribers { subscriber.measure(from: measuringStart) }
        for (place, publisher) in self.publishers.enumerated() {
            let schedule = self.plan.schedule(ofPublisher: place, start: start)
            publisher.begin(schedule, payload: self.payload, plan: self.plan, place: place)
        }
    }

    private func waitForPublishes() async throws {
        let start = self.recorders[0].now
        var steps = 0
        var last = BenchTally()
        var lastProgress = start
        var silence = Silence(at: start)
        while !self.publishers.allSatisfy(\.isDone) {
            try await Task.sleep(for: Self.step)
            steps += 1
            let now = self.recorders[0].now
            self.measurement.passed(now)
            guard steps.isMultiple(of: Self.progressSteps) else { continue }
            let tally = self.tally
            // A slow rate is silent between two publishes, and then nothing is open.
            let isWaiting = self.publishers.contains { $0.open != (0, 0) }
            if silence.length(at: now, count: isWaiting ? tally.answeredInAll : nil) > Self.silenceMax { return }
            if self.showsProgress {
                let line = BenchReport.progress(
                    tally,
                    before: last,
                    seconds: Double(now - lastProgress) / 1e9,
                    elapsed: Double(now - start) / 1e9,
                    isWarmUp: self.measurement.start.map { now < $0 } ?? true
                )
                self.showProgress(line)
            }
            last = tally
            lastProgress = now
        }
    }

    /// Waits for what is under way, though not for long.
    private func waitForAnswers(silenceMax: UInt64) async {
        let start = self.recorders[0].now
        while !self.publishers.allSatisfy(\.isDone), self.recorders[0].now - start < silenceMax {
            try? await Task.sleep(for: Self.step)
        }
    }

    /// Waits until every subscriber has seen what was acknowledged last.
    private func waitForDeliveries() async throws {
        let offsets = self.topics.newestOffsets
        // The newest value may be held back for as long as the rate says.
        let patience = Self.deliverySilenceMax + (self.plan.options.maxRate.map { UInt64(1e9 / $0) } ?? 0)
        var silence = Silence(at: self.recorders[0].now)
        while !self.subscribers.allSatisfy({ $0.hasReached(offsets) }) {
            let now = self.recorders[0].now
            if silence.length(at: now, count: self.tally.deliveredInAll) > patience { return }
            try await Task.sleep(for: Self.step)
        }
    }

    private func shutDown() async {
        for publisher in self.publishers { publisher.release() }
        let clients = self.publishers.map(\.client) + self.subscribers.map(\.client)
        try? await Self.forAll(clients) { await $0.shutdown() }
    }

    /// Calls `body` for all `elements`, for some at a time.
    private static func forAll<Element: Sendable>(
        _ elements: [Element],
        _ body: @escaping @Sendable (Element) async throws -> Void
    ) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, element) in elements.enumerated() {
                if index >= Self.connectingMax { try await group.next() }
                group.addTask { try await body(element) }
            }
            try await group.waitForAll()
        }
    }

    // MARK: The result

    private var tally: BenchTally {
        self.recorders.reduce(into: BenchTally()) { $0 += $1.snapshot }
    }

    private func result() -> BenchResult {
        var result = BenchResult(plan: self.plan, tally: self.tally, measuringStart: self.measurement.start ?? 0)
        for publisher in self.publishers {
            let open = publisher.open
            result.unanswered += open.unanswered
            result.unsent += open.overdue
        }
        result.unmatched = self.topics.giveUp()
        result.cores = self.measurement.cores
        return result
    }

    private func showProgress(_ line: String) {
        // To the beginning of the line, and what is longer in it is erased.
        self.errors.append { $0 += "\r\(line)\u{1B}[K".utf8 }
    }

    private func clearProgress() {
        if self.showsProgress { self.errors.append { $0 += "\r\u{1B}[K".utf8 } }
    }
}
