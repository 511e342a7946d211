import BrokerCore
import BrokerTestKit

/// Brokers one after the other on a disk, real clients on a network, and a clock, all of it decided by a seed.
///
/// The network cuts what is sent into pieces, delays it, and loses connections with what is on them; the disk is full
/// or fails; the broker is killed at any moment and goes on with what is committed; so are the clients; the clock is
/// set. At the end every publish counts as often as its publisher was told.
final class Simulation {
    private let dice: Dice
    private let weather: Weather
    private let ledger = Ledger()
    private let network: SimulatedNetwork
    private let broker: SimulatedBroker
    private let programs: [Program]
    private let repeating: RepeatingPublisher
    private let once: OncePublisher
    private let watcher: Watcher

    private static let steps = 500
    /// A tenth of a second each: nobody has to wait for the time-out of a connection that has nothing to say.
    private static let drainSteps = 250

    /// Which faults there are in this life: with all of them in each one, some things would never get far.
    private struct Weather {
        let breaks: Bool
        let fills: Bool
        let kills: Bool
        let failsUnknown: Bool
        let restartsPrograms: Bool
        let hasStrangers: Bool

        init(_ dice: Dice) {
            (self.breaks, self.fills) = (dice.chance(80), dice.chance(60))
            (self.kills, self.failsUnknown) = (dice.chance(80), dice.chance(50))
            (self.restartsPrograms, self.hasStrangers) = (dice.chance(70), dice.chance(40))
        }
    }

    init(seed: UInt64) throws {
        let dice = Dice(seed: seed)
        self.dice = dice
        self.weather = Weather(dice)
        let network = SimulatedNetwork(dice)
        network.refusedPercent = 25
        self.network = network
        self.broker = try SimulatedBroker(dice, isSmall: self.weather.hasStrangers)
        let ledger = self.ledger
        self.programs = Program.Kind.allCases.map { Program($0, network, ledger, dice) }
        self.repeating = RepeatingPublisher(ledger, dice)
        self.once = OncePublisher(ledger, dice)
        self.watcher = Watcher(ledger, dice)
    }

    /// Runs it to its end; returns what went wrong, if anything did.
    func run() throws -> String? {
        do {
            for _ in 0..<Self.steps where self.ledger.breach == nil { try self.step() }
            if self.ledger.breach == nil { try self.drain() }
        } catch {
            self.ledger.note("\(error)")
        }
        for program in self.programs { try program.kill(self.broker) }
        if self.ledger.breach == nil { try FinalAccount(self.ledger, self.broker).check() }
        return self.ledger.breach
    }

    // MARK: Steps

    private func step() throws {
        switch self.dice.below(100) {
        case 0..<26: try self.publish()
        case 26..<42: try self.network.deliverSomeUp(to: self.broker)
        case 42..<58: try self.network.deliverSomeDown()
        case 58..<66: try self.read()
        case 66..<73: self.broker.harness.tick()
        case 73..<82: try self.finishCommit()
        case 82..<86: try self.letTimePass(milliseconds: 1 + self.dice.below(self.dice.pick([20, 300, 3000])))
        case 86..<87: self.setWallClock()
        case 87..<90: self.dice.chance(70) ? self.watcher.comeOrGo(self.broker) : self.watcher.stall(self.broker)
        case 90..<92: self.changeSubsidiaries()
        default: try self.letSomethingFail()
        }
        if self.broker.isDoomed, self.dice.chance(20) { try self.killBroker() }
    }

    private func publish() throws {
        switch self.dice.below(6) {
        case 0: self.dice.chance(70) ? self.repeating.publish(self.broker) : self.repeating.repeatOne(self.broker)
        case 1: self.dice.chance(60) ? self.once.publish(self.broker) : self.once.sendAgain(self.broker)
        default: try self.dice.pick(self.programs).publish()
        }
    }

    private func read() throws {
        try self.dice.pick(self.programs).read(self.broker)
        self.repeating.read(self.broker)
        self.once.read(self.broker)
        self.watcher.read(self.broker)
    }

    private func finishCommit() throws {
        if self.weather.fills, self.dice.chance(10) {
            self.broker.finishCommit(.full(reason: "simulated"))
        } else if self.weather.failsUnknown, self.dice.chance(3) {
            self.broker.finishCommit(.unknown(reason: "simulated"), lands: self.dice.chance(50))
        } else {
            self.broker.finishCommit(.committed)
        }
    }

    private func letTimePass(milliseconds: Int) throws {
        self.broker.harness.advance(milliseconds: UInt64(milliseconds))
        if milliseconds > 200 { self.broker.harness.sweep() }
        for program in self.programs { program.advance(milliseconds: milliseconds) }
    }

    private func setWallClock() {
        let hours = 7_200_000
        let wall = Int(self.broker.harness.time.wall) + self.dice.below(hours) - hours / 2
        self.broker.harness.setWall(to: UInt64(wall))
    }

    /// The publishers without the client come and go without a network.
    private func changeSubsidiaries() {
        self.dice.chance(70) ? self.repeating.connect(self.broker) : self.repeating.disconnect(self.broker)
        self.dice.chance(70) ? self.once.connect(self.broker) : self.once.disconnect(self.broker)
    }

    private func letSomethingFail() throws {
        switch self.dice.below(10) {
        case 0, 1, 2: if self.weather.breaks { try self.network.breakOne(self.broker) }
        case 3: if self.weather.kills { try self.killBroker() }
        case 4: if self.weather.fills { self.toggleShortage() }
        case 5: if self.weather.hasStrangers { self.broker.meetStrangers(self.dice) }
        default: if self.weather.restartsPrograms { try self.restartProgram() }
        }
    }

    private func toggleShortage() {
        let core = self.broker.harness.broker
        core.storageShortage = core.storageShortage == nil ? "simulated" : nil
    }

    private func restartProgram() throws {
        // The name that the client draws is nobody else's: a process that is gone is followed by a stranger to it.
        try self.dice.pick(self.programs).startAgain(killsOld: self.dice.chance(60), self.broker)
    }

    private func killBroker() throws {
        self.watcher.read(self.broker)
        try self.network.brokerDied()
        self.repeating.brokerDied()
        self.once.brokerDied()
        self.watcher.brokerDied()
        try self.broker.kill(lands: self.dice.chance(50))
        self.ledger.life = self.broker.life
    }

    // MARK: The end

    /// Nothing fails any more, until everybody has every answer.
    private func drain() throws {
        if self.broker.isDoomed { try self.killBroker() }
        self.broker.harness.broker.storageShortage = nil
        self.network.refusedPercent = 0
        for _ in 0..<Self.drainSteps where self.ledger.breach == nil {
            for program in self.programs {
                if program.kind == .resuming { try program.publish() }
                program.drain()
                try program.read(self.broker)
            }
            self.repeating.connect(self.broker)
            self.repeating.read(self.broker)
            self.once.connect(self.broker)
            self.once.sendAgain(self.broker)
            try self.network.deliverAll(to: self.broker)
            self.broker.harness.settle()
            self.once.read(self.broker)
            self.watcher.read(self.broker)
            try self.letTimePass(milliseconds: 100)
            if self.programs.allSatisfy(\.isDone), self.repeating.isDone, self.once.isDone { return }
        }
        let rest = self.programs.filter { !$0.isDone }.map(\.rest).joined(separator: "; ")
        self.ledger.note(
            "somebody gets no answer; repeating \(self.repeating.isDone); once \(self.once.isDone); \(rest)"
        )
    }
}
