import BrokerClient
import BrokerWire

/// Hands records to the client, each on the way to its topic, and sees to it that each has an outcome.
///
/// One task uses it.
final class RecordPublisher {
    private struct Route: Hashable {
        var topic: Topic
        var retain: Bool
    }

    /// How many ways are remembered; with more topics than that they are made again.
    private static let routesMax = 10_000

    private let plan: PublishPlan
    private let client: BrokerClient
    private let results: PublishResults
    private var routes: [Route: PublishPipeline] = [:]
    private var last: (route: Route, pipeline: PublishPipeline)?

    init(_ plan: PublishPlan, client: BrokerClient, results: PublishResults) {
        self.plan = plan
        self.client = client
        self.results = results
    }

    /// Waits until every publish has its outcome.
    func waitForOutcomes() async throws {
        // They are all of one client, whose ways all wait for the same.
        try await self.last?.pipeline.waitForOutcomes()
    }

    /// Publishes one message as often as the plan says.
    func publish(message: [UInt8]) async throws {
        guard let topic = self.plan.topic else { return }
        if let once = self.plan.once { return try await self.publish(message, to: topic, once: once) }
        for number in 1...self.plan.count {
            if number > 1, self.plan.delay > .zero { try await Task.sleep(for: self.plan.delay) }
            try await self.publish(message[...], as: .lines, number: UInt64(number))
        }
    }

    private func publish(_ message: [UInt8], to topic: Topic, once: String) async throws {
        let json: ArraySlice<UInt8>
        do throws(PayloadError) {
            json = try PayloadText.json(of: message[...])
        } catch {
            return self.results.refusedHere(1, error.reason)
        }
        self.results.asked()
        do {
            let acknowledgement = try await self.client.publish(Array(json), to: topic, once: once)
            self.results.ended(1, topic, .acknowledged(acknowledgement))
        } catch let error as ClientError {
            if let refusal = error.refusal { return self.results.ended(1, topic, .refused(refusal)) }
            if error.code != .outcomeUnknown { self.results.neverAsked() }
            throw error
        }
    }

    /// Publishes a line, under its own number if there is a position to count from.
    func publish(
        _ line: LineSplitter.Line,
        as format: RecordFormat,
        after position: ProducerPosition?
    ) async throws {
        if let position { return try await self.publishNumbered(line, as: format, after: position) }
        guard let bytes = line.bytes else {
            return self.results.refusedHere(line.number, "longer than \(PublishRun.inputBytesMax) bytes")
        }
        try await self.publish(bytes, as: format, number: line.number)
    }

    private func publish(_ bytes: ArraySlice<UInt8>, as format: RecordFormat, number: UInt64) async throws {
        do {
            let record = try PublishRecord(bytes, as: format)
            guard let topic = record.topic ?? self.plan.topic else { throw PublishRecord.withoutTopic }
            let pipeline = self.pipeline(to: topic, retain: record.retain || self.plan.retain)
            self.results.asked()
            // Nearly always there is room, and then nothing is suspended.
            if try pipeline.enqueueIfRoom(record.json, tag: number) { return }
            try await pipeline.enqueue(record.json, tag: number)
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

    /// Publishes a line under its own number.
    private func publishNumbered(
        _ line: LineSplitter.Line,
        as format: RecordFormat,
        after position: ProducerPosition
    ) async throws {
        let numbered = NumberedLine(
            line,
            as: format,
            needsTopic: self.plan.topic == nil,
            bytesMax: PublishRun.inputBytesMax,
            after: position
        )
        switch numbered {
        case .settled, .passedOver(reason: nil):
            break
        case .passedOver(.some(let reason)):
            self.results.refusedHere(line.number, reason)
        case .passOver(let reason):
            try await self.passOver(line.number, reason)
        case .publish(let record):
            guard let topic = record.topic ?? self.plan.topic else { return }
            let pipeline = self.pipeline(to: topic, retain: record.retain || self.plan.retain)
            self.results.asked()
            do {
                // What has its verdict meanwhile was sent by another run on the same file.
                if try await !pipeline.enqueue(record.json, seq: line.number) { self.results.neverAsked() }
            } catch let error as ClientError where error.code == .messageTooLarge {
                self.results.neverAsked()
                try await self.passOver(line.number, error.message)
            } catch {
                self.results.neverAsked()
                throw error
            }
        }
    }

    private func passOver(_ number: UInt64, _ reason: String?) async throws {
        // What is passed over goes to no topic, so any way will do.
        guard let pipeline = self.last?.pipeline ?? (self.plan.topic ?? Self.anyTopic).map({ self.pipeline(to: $0) })
        else { return }
        self.results.passingOver(number, reason)
        do {
            if try await !pipeline.skip(seq: number) { self.results.neverPassedOver(number) }
        } catch {
            self.results.neverPassedOver(number)
            throw error
        }
    }

    private static let anyTopic = try? Topic("a")

    private func pipeline(to topic: Topic, retain: Bool = false) -> PublishPipeline {
        let route = Route(topic: topic, retain: retain)
        if let last = self.last, last.route == route { return last.pipeline }
        let pipeline = self.routes[route] ?? self.makePipeline(route)
        self.last = (route, pipeline)
        return pipeline
    }

    private func makePipeline(_ route: Route) -> PublishPipeline {
        let results = self.results
        let pipeline = self.client.pipeline(
            to: route.topic,
            retain: route.retain,
            isAcknowledged: self.plan.isAcknowledged
        ) { tag, outcome in
            results.ended(tag, route.topic, outcome)
        }
        if self.routes.count >= Self.routesMax { self.routes.removeAll() }
        self.routes[route] = pipeline
        return pipeline
    }
}
