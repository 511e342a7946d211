import NIOCore
import NIOEmbedded

@testable import BrokerClient

/// All connections of real clients.
final class SimulatedNetwork {
    private(set) var links: [SimulatedLink] = []
    private let dice: Dice
    /// How many of a hundred attempts to connect find nobody.
    var refusedPercent = 0

    /// Whether a client may have lost a connection on which its `hello` was still on its way.
    private(set) var hasBroken = false

    init(_ dice: Dice) { self.dice = dice }

    /// Where a client's connections come from, in place of the operating system.
    func connect(_ loop: EmbeddedEventLoop) -> EventLoopFuture<any Channel> {
        guard !self.dice.chance(self.refusedPercent) else {
            return loop.makeFailedFuture(IOError(errnoCode: 111, reason: "connect"))
        }
        let channel = EmbeddedChannel(loop: loop)
        do {
            channel.connect(to: try SocketAddress(ipAddress: "127.0.0.1", port: 8181), promise: nil)
        } catch {
            return loop.makeFailedFuture(error)
        }
        self.links.append(SimulatedLink(channel))
        return loop.makeSucceededFuture(channel)
    }

    /// A piece of what is on its way: most often it ends within a frame.
    private var piece: Int { self.dice.chance(70) ? 1 + self.dice.below(300) : .max }

    func deliverSomeUp(to broker: SimulatedBroker) throws {
        guard !self.links.isEmpty else { return }
        let link = self.dice.pick(self.links)
        if link.isSlow, self.dice.chance(90) { return }
        try link.deliverUp(self.piece, to: broker, self.dice)
    }

    func deliverSomeDown() throws {
        guard !self.links.isEmpty else { return }
        try self.dice.pick(self.links).deliverDown(self.piece)
    }

    func deliverAll(to broker: SimulatedBroker) throws {
        for link in self.links {
            try link.deliverUp(.max, to: broker, self.dice)
            try link.deliverDown(.max)
        }
        self.forgetOld()
    }

    /// A connection breaks: for both ends at once with all that is on it, or for one of them.
    func breakOne(_ broker: SimulatedBroker) throws {
        guard !self.links.isEmpty else { return }
        self.hasBroken = true
        let link = self.dice.pick(self.links)
        try link.gather()
        let who = self.dice.below(4)
        if who != 0 { link.endClient(isSlow: who == 1 && self.dice.chance(50)) }
        if who != 1 { link.endBroker(broker) }
        self.forgetOld()
    }

    func brokerDied() throws {
        for link in self.links { try link.brokerDied() }
        self.forgetOld()
    }

    /// The process that `loop` belongs to is gone. What it has sent may still arrive.
    func processDied(_ loop: EmbeddedEventLoop) throws {
        for link in self.links where link.loop === loop {
            try link.gather()
            link.endClient(isSlow: self.dice.chance(30))
        }
    }

    private func forgetOld() { self.links.removeAll(where: \.isOver) }
}
