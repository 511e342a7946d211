import BrokerWire
import NIOCore

/// Decides what becomes of a producer's publishes: which have their verdict, and which have to be sent again; performs
/// nothing.
///
/// Every publish is kept until the broker's cumulative acknowledgement covers it, and gets its one outcome then, in
/// the order of the numbers. A refusal is only noted until then, because until then a lost connection undoes it.
struct ProducerStateMachine {
    /// What `hello` says about the producer.
    struct Greeting: Hashable {
        var name: String
        var epoch: UInt64?
        var resumes = false
        /// The highest number that the broker acknowledged as accepted. It tells a broker that was put back to an
        /// older state that it was.
        var acked: UInt64?
    }

    /// What to do about a refusal.
    enum RefusalAction: Hashable {
        case nothing
        /// Send again after this time, which the turn is for.
        case wait(Duration, turn: UInt64)
    }

    /// Told what became of a publish.
    typealias Ended = (PendingPublish, PublishOutcome) -> Void

    private var name: String
    private let isEphemeral: Bool
    private let resumes: Bool
    private var epoch: UInt64?
    private var acked: UInt64 = 0
    /// The highest number that was ever sent, or that the broker said to go on behind.
    private var last: UInt64 = 0

    private var unsettled = UnsettledPublishes()
    /// What will be the outcome of those whose own acknowledgement does not say it.
    private var verdicts: [UInt64: PublishOutcome] = [:]
    /// Where the broker goes on, where that is before everything that is kept here.
    private var gapStart: UInt64?

    /// The number that the broker waits for; it drops whatever is sent before that.
    private var heldFrom: UInt64?
    private var turn: UInt64 = 0

    init?(_ producer: ClientConfiguration.Producer, using generator: inout some RandomNumberGenerator) {
        switch producer {
        case .none:
            return nil
        case .ephemeral:
            self.name = ClientConfiguration.Producer.drawEphemeralName(using: &generator)
            (self.isEphemeral, self.resumes) = (true, false)
        case .named(let name):
            (self.name, self.isEphemeral, self.resumes) = (name, false, false)
        case .resuming(let name):
            (self.name, self.isEphemeral, self.resumes) = (name, false, true)
        }
    }

    var greeting: Greeting {
        let acked = self.epoch == nil || self.acked == 0 ? nil : self.acked
        return Greeting(name: self.name, epoch: self.epoch, resumes: self.resumes, acked: acked)
    }

    /// Whether some publish has no verdict.
    var awaitsAnswer: Bool { !self.unsettled.isEmpty }

    /// Whether the broker drops what is sent now.
    var isHeld: Bool { self.heldFrom != nil }

    /// Whether the name was drawn, so that nobody else knows it: what takes this client's place is an older connection
    /// of its own, whose `hello` was long on its way.
    var isNameUnknown: Bool { self.isEphemeral }

    /// Whether a client goes on after the broker said 4401, `producer_unknown`.
    var canStartOver: Bool { self.isNameUnknown }

    // MARK: Connections

    /// The broker said where the producer stands; ``frames(from:messageBytesMax:using:)`` are to be sent next.
    ///
    /// - `isBySource`: Whether the numbers are places in a source, so that who else uses them means the same by them.
    mutating func welcomed(_ position: ProducerPosition, isBySource: Bool, _ ended: Ended) throws(ClientError) {
        if let epoch = self.epoch {
            guard epoch == position.epoch else {
                throw ClientError(.handshakeRefused, "the broker speaks of another epoch of '\(self.name)'")
            }
            guard isBySource || position.next <= self.last + 1 else {
                throw ClientError(.producerTaken, "somebody else publishes as '\(self.name)'")
            }
        }
        self.epoch = position.epoch
        self.last = max(self.last, position.next - 1)
        self.heldFrom = nil
        self.settle(by: position, ended)
        let firstNew = self.unsettled.firstNumber(from: position.next) ?? self.last + 1
        guard firstNew - position.next <= ProducerPosition.window else {
            throw ClientError(.producerTaken, "the broker has lost all that it knew of '\(self.name)'")
        }
        self.gapStart = firstNew == position.next ? nil : position.next
    }

    /// Ends what has its verdict, up to the first that has to be sent.
    ///
    /// What was accepted behind that one is sent again too: it does no harm, and outcomes stay in order.
    private mutating func settle(by position: ProducerPosition, _ ended: Ended) {
        while let first = self.unsettled.first {
            let outcome: PublishOutcome
            switch (position.verdict(on: first.number), self.verdicts[first.number]) {
            case (.accepted, _):
                self.acked = max(self.acked, first.number)
                outcome = .acknowledged(PublishAcknowledgement(offset: 0, isDuplicate: true))
            case (.refused, .some(let verdict)): outcome = verdict
            case (.forgotten, let verdict): outcome = verdict ?? .unknown
            case (.refused, nil), (.none, _): return
            }
            self.end(first, outcome, ended)
        }
    }

    /// The connection is gone, and with it what the broker wanted to wait for.
    ///
    /// A name that was drawn and never welcomed is not said twice: what was lost may still arrive, and would fence off
    /// a later connection of the same name.
    mutating func connectionLost(using generator: inout some RandomNumberGenerator) {
        self.connectionLost()
        if self.isEphemeral, self.epoch == nil {
            self.name = ClientConfiguration.Producer.drawEphemeralName(using: &generator)
        }
    }

    private mutating func connectionLost() {
        self.heldFrom = nil
        self.gapStart = nil
        self.turn += 1
    }

    /// Ends everything: whether it was applied can not be found out any more.
    mutating func end(_ ended: Ended) {
        self.connectionLost()
        while let publish = self.unsettled.popFirst(through: .max) { ended(publish, .unknown) }
        self.verdicts = [:]
    }

    /// Ends everything and begins as another producer.
    mutating func startOver(using generator: inout some RandomNumberGenerator, _ ended: Ended) {
        self.end(ended)
        self.name = ClientConfiguration.Producer.drawEphemeralName(using: &generator)
        (self.epoch, self.acked, self.last) = (nil, 0, 0)
    }

    // MARK: Publishes

    /// The publishes in `frames` are sent.
    mutating func sent(_ publishes: [PendingPublish], in frames: ByteBuffer) {
        self.unsettled.append(publishes, in: frames)
        if let last = publishes.last { self.last = max(self.last, last.number) }
    }

    /// The broker acknowledged the publish with this number, and so all before it.
    ///
    /// - `own`: What it said of that publish, if it was not refused.
    mutating func acknowledged(_ number: UInt64, own: PublishAcknowledgement?, _ ended: Ended) {
        guard number <= self.last else { return }
        while let first = self.unsettled.first, first.number <= number {
            var outcome = PublishOutcome.acknowledged(PublishAcknowledgement(offset: 0))
            if first.number == number, let own {
                outcome = .acknowledged(own)
            } else if !self.verdicts.isEmpty, let verdict = self.verdicts[first.number] {
                outcome = verdict
            }
            if case .acknowledged = outcome { self.acked = max(self.acked, first.number) }
            self.end(first, outcome, ended)
        }
        if let start = self.gapStart, number >= start { self.gapStart = number + 1 }
    }

    private mutating func end(_ publish: PendingPublish, _ outcome: PublishOutcome, _ ended: Ended) {
        _ = self.unsettled.popFirst(through: publish.number)
        if !self.verdicts.isEmpty { self.verdicts[publish.number] = nil }
        ended(publish, outcome)
    }

    /// The broker refused the publish with this number: for good, or until it comes again.
    mutating func refused(_ number: UInt64, _ refusal: BrokerRefusal) -> RefusalAction {
        guard number <= self.last else { return .nothing }
        if refusal.retry == .no {
            guard let first = self.unsettled.first, number >= first.number else { return .nothing }
            if self.verdicts[number] == nil { self.verdicts[number] = .refused(refusal) }
            return .nothing
        }
        if let held = self.heldFrom, held <= number { return .nothing }
        self.heldFrom = number
        self.turn += 1
        let asked = Duration.milliseconds(Int64(clamping: refusal.afterMilliseconds ?? Refusal.retryMilliseconds))
        return .wait(min(max(asked, Self.shortestWait), Self.longestWait), turn: self.turn)
    }

    private static let shortestWait = Duration.milliseconds(100)
    private static let longestWait = Duration.seconds(600)

    /// The wait is over; returns the number to send again from, if this is still what is waited for.
    mutating func waited(turn: UInt64) -> UInt64? {
        guard turn == self.turn, let from = self.heldFrom else { return nil }
        self.heldFrom = nil
        return from
    }

    /// What has to be sent again, from `number` on.
    ///
    /// - `messageBytesMax`: The largest message that the broker takes; a larger one would cost every connection that
    ///     it is sent on, so its number is used up without it.
    mutating func frames(
        from number: UInt64,
        messageBytesMax: Int,
        using encoder: inout RequestEncoder
    ) -> ByteBuffer {
        var buffer = ByteBuffer()
        var verdicts: [UInt64: PublishOutcome] = [:]
        var gap = self.gap(from: number)
        self.unsettled.forEach(from: number) { publish, frame in
            if publish.number >= gap.lowerBound { Self.skip(&gap, using: &encoder, to: &buffer) }
            guard publish.bytes > messageBytesMax else { return encoder.writeAgain(frame, to: &buffer) }
            encoder.writeSkip(seq: publish.number, to: &buffer)
            verdicts[publish.number] = .notSent(.tooLarge(publish.bytes, max: messageBytesMax))
        }
        Self.skip(&gap, using: &encoder, to: &buffer)
        // What was refused before is judged anew.
        self.verdicts = self.verdicts.filter { $0.key < number }.merging(verdicts) { $1 }
        return buffer
    }

    /// The numbers that the broker does not know any more that it refused; they had their outcome.
    private func gap(from number: UInt64) -> Range<UInt64> {
        guard let gapStart = self.gapStart else { return 0..<0 }
        let start = max(gapStart, number)
        return start..<max(start, self.unsettled.firstNumber(from: gapStart) ?? self.last + 1)
    }

    private static func skip(
        _ gap: inout Range<UInt64>,
        using encoder: inout RequestEncoder,
        to buffer: inout ByteBuffer
    ) {
        for missing in gap { encoder.writeSkip(seq: missing, to: &buffer) }
        gap = 0..<0
    }
}
