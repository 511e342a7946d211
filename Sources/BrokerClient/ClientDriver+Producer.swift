import BrokerWire
import Logging
import NIOCore

/// Publishing under a producer's numbers.
///
/// What has to be sent again, and what became of a publish, is decided by ``ProducerStateMachine``.
extension ClientDriver {
    /// Why the client can not even be started, when it can not.
    var producerNameProblem: ClientError? {
        switch self.configuration.producer {
        case .named(let name), .resuming(let name):
            guard !ClientConfiguration.Producer.isValidName(name) else { return nil }
            let rule = "a producer's name is 1 to 64 of the characters A-Z a-z 0-9 _ . : -"
            return ClientError(.invalidArgument, "'\(name)' can not be a producer's name: \(rule)")
        case .ephemeral, .none:
            return nil
        }
    }

    /// Takes in what `welcome` says of the producer; returns whether the connection can be used.
    func welcomedProducer(_ reply: Reply, _ bytes: UnsafeRawBufferPointer) -> Bool {
        guard self.producer != nil, self.machine.awaitsWelcome else { return true }
        guard !reply.producer.isEmpty, let position = ProducerScanner.position(in: reply.producer.bytes(in: bytes))
        else {
            self.connection?.abort(Self.noProducer, code: .normal)
            return false
        }
        do throws(ClientError) {
            let isBySource = self.outbox.isNumberedBySource
            try self.producer?.welcomed(position, isBySource: isBySource) { self.publishEnded($0, $1) }
        } catch {
            self.connection?.abort(error, code: .normal)
            return false
        }
        if let lost = position.regressed {
            self.logger.critical(
                "the broker has lost publishes that it had acknowledged",
                metadata: [
                    "producer": "\(self.producer?.greeting.name ?? "")", "from": "\(lost.from)", "to": "\(lost.to)",
                ]
            )
            self.configuration.onEvent?(.regressed(lost))
        }
        self.outbox.begin(at: position)
        self.releaseAnswered()
        return true
    }

    private static let noProducer = ClientError(
        .handshakeRefused,
        "the broker did not say where the producer stands; one of an older version needs a client without a producer"
    )

    /// Sends again what has no verdict, from `number` on.
    func sendAgain(from number: UInt64) {
        guard self.machine.canSend, let connection = self.connection,
            let frames = self.producer?.frames(
                from: number,
                messageBytesMax: self.messageBytesMax,
                using: &self.encoder
            ), frames.readableBytes > 0
        else { return }
        connection.write(frames)
    }

    /// The broker refused a numbered publish.
    func producerRefused(_ seq: UInt64, _ refusal: BrokerRefusal) {
        guard case .wait(let wait, let turn) = self.producer?.refused(seq, refusal) else { return }
        self.logger.info("held", metadata: ["seq": "\(seq)", "reason": "\(refusal)", "retry.after": "\(wait)"])
        self.configuration.onEvent?(.publishesHeld(refusal, retryAfter: wait))
        self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(wait)) {
            guard let from = self.producer?.waited(turn: turn) else { return }
            self.sendAgain(from: from)
            self.drain()
            self.updateReading()
        }
    }

    /// Begins as another producer when the broker has forgotten this one, and nobody else could know its name.
    ///
    /// Returns whether that is what `refusal`, which is about `hello`, says.
    func producerForgotten(_ refusal: BrokerRefusal) -> Bool {
        guard refusal.code == .producerUnknown, self.producer?.canStartOver == true else { return false }
        let text = "the broker has forgotten the producer: \(refusal.reason)"
        let error = ClientError(.connectionLost, text, brokerCode: refusal.number)
        self.logger.warning("producer forgotten", metadata: ["reason": "\(refusal)"])
        self.producer?.startOver(using: &self.random) { self.publishEnded($0, $1) }
        for publish in self.outbox.startOver() { self.publishEnded(publish, .notSent(error)) }
        self.releaseAnswered()
        self.connection?.abort(error, code: .normal)
        return true
    }
}
