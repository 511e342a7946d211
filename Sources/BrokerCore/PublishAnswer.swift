import BrokerWire
import NIOCore

/// How a publish is answered once it has gone into its topic.
///
/// A value and not a closure: it is made for every publish, and a closure would count references to what it captures.
struct PublishAnswer {
    enum Form {
        /// Nobody asked: time has made the change.
        case none
        /// By the `id` of the request, if it has one.
        case acknowledgement(id: UnsafeRawBufferPointer)
        /// With the bare running value, as in plain mode.
        case plainValue(data: UnsafeRawBufferPointer)
        /// By the number that a producer gave it, which is settled with that.
        case numbered(UInt64, ProducerState)
        /// By the `id`; and the publish is remembered by its `once`.
        case once(OnceTable.Key, content: UInt64, id: UnsafeRawBufferPointer)
    }

    let form: Form
    /// How long the request was.
    let requestBytes: UInt32
    /// Whether the client waits for it.
    let isExpected: Bool

    static var none: Self { Self(form: .none, requestBytes: 0, isExpected: false) }

    init(_ form: Form, to request: Request) {
        self.init(form: form, requestBytes: request.messageBytes, isExpected: request.isAnswered)
    }

    private init(form: Form, requestBytes: UInt32, isExpected: Bool) {
        self.form = form
        self.requestBytes = requestBytes
        self.isExpected = isExpected
    }

    /// Whether the publish waits for a commit even where the topic is not stored, because what tells it apart is.
    var binds: Bool {
        switch self.form {
        case .numbered, .once: true
        case .none, .acknowledgement, .plainValue: false
        }
    }
}

extension Broker {
    /// Gives the publisher its answer, which is told when `applied` may be.
    func answer(_ answer: PublishAnswer, _ applied: borrowing Applied, to session: CoreSession) {
        if case .none = answer.form {} else { self.counts.accepted += 1 }
        switch answer.form {
        case .none:
            break
        case .acknowledgement(let id):
            self.acknowledge(applied, answer, id, to: session)
        case .plainValue(let data):
            self.answerPlainly(applied, answer, data, to: session)
        case .numbered(let seq, let producer):
            self.settle(seq, of: producer, applied, requestBytes: answer.requestBytes, session)
        case .once(let key, let content, let id):
            self.remember(key, content: content)
            self.acknowledge(applied, answer, id, to: session)
        }
    }

    private func answerPlainly(
        _ applied: borrowing Applied,
        _ answer: PublishAnswer,
        _ data: UnsafeRawBufferPointer,
        to session: CoreSession
    ) {
        self.reply(
            to: session,
            idBytes: 0,
            requestBytes: answer.requestBytes,
            needs: applied.needs,
            needsCommit: applied.isStored
        ) { buffer in
            applied.topic.hasAggregator
                ? applied.withValue { buffer.writePlainValue($0) }
                : buffer.writePlainValue(.json(data))
        }
    }

    private func acknowledge(
        _ applied: borrowing Applied,
        _ answer: PublishAnswer,
        _ id: UnsafeRawBufferPointer,
        to session: CoreSession
    ) {
        guard answer.isExpected else { return self.noteUnanswered(applied, by: session) }
        self.reply(
            to: session,
            idBytes: id.count,
            requestBytes: answer.requestBytes,
            needs: applied.needs,
            needsCommit: applied.isStored
        ) { buffer in
            if let why = applied.leftOut { return buffer.writeLeftOutAck(id: id, why: why) }
            let offset = applied.topic.offset
            guard applied.topic.hasAggregator else {
                return buffer.writePublishAck(id: id, offset: offset, value: .none)
            }
            applied.withValue { buffer.writePublishAck(id: id, offset: offset, value: $0) }
        }
    }

    /// Sees to it that a publish nobody waits for is refused all the same if its batch fails.
    private func noteUnanswered(_ applied: borrowing Applied, by session: CoreSession) {
        guard applied.isStored else { return }
        var entry = HubEntry(.silent, session: session.id)
        entry.flags.insert(.needsCommit)
        session.pendingBatch = max(session.pendingBatch, applied.needs)
        let name = applied.topic.name
        // Not sent, but there to tell which publish it was.
        self.batch(applied.needs).hubs[Int(session.id.hub)].reply(entry) { _ = $0.writeBytes(name) }
    }
}
