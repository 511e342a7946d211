package import BrokerCore
import BrokerWire
package import NIOCore

/// What the rest of the process asks of the broker.
extension EventLoops {
    /// The broker stops and takes no more questions.
    package struct Stopping: Error {
        package init() {}
    }

    /// Asks one question for somebody and waits for the answer, which comes when everything that it speaks of is
    /// committed.
    package func ask(_ question: LocalQuestion, as identity: Identity) async throws -> LocalAnswer {
        let promise = self.loops[0].makePromise(of: LocalAnswer.self)
        self.loops[0].execute { [driver = self.drivers[0]] in
            OneAnswer(promise).ask(question, identity, of: driver.value)
        }
        return try await promise.futureResult.get()
    }

    /// Every connection, in the order of their sessions.
    package func connections() async throws -> [ConnectionDescription] {
        var connections: [ConnectionDescription] = []
        for (loop, driver) in zip(self.loops, self.drivers) {
            connections += try await loop.submit { driver.value.hub.connections }.get()
        }
        let promise = self.loops[0].makePromise(of: [ConnectionDescription].self)
        let found = connections
        self.core.run { promise.succeed($0.describe(found)) }
        return try await promise.futureResult.get()
    }

    /// Puts other rules in force, or says why they can not be.
    package func changeRules(_ rules: TopicRules) async throws -> Result<Void, RuleChangeRefusal> {
        let promise = self.loops[0].makePromise(of: Result<Void, RuleChangeRefusal>.self)
        self.core.run { promise.succeed($0.changeRules(rules)) }
        return try await promise.futureResult.get()
    }

    /// Puts other access rules in force, and judges everybody who is connected by them.
    ///
    /// - `standing`: What has become of the credentials that somebody has shown.
    package func changeAccess(
        _ access: AccessRules,
        standing: @escaping @Sendable (Identity) -> Standing
    ) async throws {
        let promise = self.loops[0].makePromise(of: Void.self)
        self.core.run {
            $0.changeAccess(access, standing: standing)
            promise.succeed()
        }
        try await promise.futureResult.get()
        for (loop, driver) in zip(self.loops, self.drivers) {
            try await loop.submit { driver.value.accessChanged() }.get()
        }
    }

    /// Closes a connection with 1008, which tells the client that it was meant; returns whether there is such a one.
    package func kick(_ session: SessionID) async throws -> Bool {
        guard Int(session.hub) < self.loops.count else { return false }
        return try await self.loops[Int(session.hub)].submit { [driver = self.drivers[Int(session.hub)]] in
            driver.value.hub.end(session, .policy, reason: "closed by the administrator")
        }.get()
    }
}

/// The answer to a ``LocalQuestion``.
package struct LocalAnswer: Sendable {
    package var isRefusal: Bool
    /// A JSON object with what the answer says, without `op` and `id`.
    package var json: ByteBuffer

    package init(frame: ByteBuffer) {
        let ack = LocalQuestion.ackPrefix.utf8
        let bytes = frame.readableBytesView
        let refusals = [LocalQuestion.refusalPrefix, LocalQuestion.endPrefix].map(\.utf8)
        let refusal = refusals.first { bytes.starts(with: $0) }
        self.isRefusal = refusal != nil
        let prefix = refusal ?? ack
        self.json = ByteBuffer(string: "{")
        self.json.writeBytes(bytes.starts(with: prefix) ? bytes.dropFirst(prefix.count) : bytes.dropFirst())
    }
}

/// Waits for the one answer to a question; lives on the core's loop.
private final class OneAnswer {
    private let promise: EventLoopPromise<LocalAnswer>
    private var session: LocalSession?
    private var isDone = false

    init(_ promise: EventLoopPromise<LocalAnswer>) { self.promise = promise }

    func ask(_ question: LocalQuestion, _ identity: Identity, of loop: LoopDriver) {
        self.session = loop.openLocal(identity, nil, waitsForAnswer: true) { self.receive($0, loop.eventLoop) }
        guard let session = self.session else { return self.promise.fail(EventLoops.Stopping()) }
        session.ask(question)
    }

    private func receive(_ event: LocalSession.Event, _ eventLoop: any EventLoop) {
        guard !self.isDone else { return }
        switch event {
        case .frames(let frames):
            guard let frame = frames.first else { return }
            self.promise.succeed(LocalAnswer(frame: frame))
        case .second: return
        case .closed: self.promise.fail(EventLoops.Stopping())
        }
        self.isDone = true
        // Not now: the hub is in the middle of writing.
        eventLoop.assumeIsolated().execute {
            self.session?.end()
            self.session = nil
        }
    }
}
