import BrokerCore
import NIOCore

/// The way to a loop's driver from other loops.
struct LoopHandle: Sendable {
    private let driver: NIOLoopBound<LoopDriver>
    private let eventLoop: any EventLoop

    init(_ driver: LoopDriver) {
        self.eventLoop = driver.eventLoop
        self.driver = NIOLoopBound(driver, eventLoop: driver.eventLoop)
    }

    /// Hands over what the core says: at once on the driver's own loop, else as one task.
    func take(_ batch: HubBatch) {
        if self.eventLoop.inEventLoop {
            self.driver.value.take(batch)
        } else {
            self.eventLoop.execute {
                self.driver.value.take(batch)
                self.driver.value.finishTick()
            }
        }
    }

    func finishTick() {
        if self.eventLoop.inEventLoop {
            self.driver.value.finishTick()
        } else {
            self.eventLoop.execute { self.driver.value.finishTick() }
        }
    }

    func commandsTaken() {
        self.eventLoop.execute { self.driver.value.commandsTaken() }
    }

    /// Runs `body` on the driver's loop.
    func run(_ body: @escaping @Sendable (LoopDriver) -> Void) {
        self.eventLoop.execute { body(self.driver.value) }
    }
}

/// The way to the core from other loops.
struct CoreHandle: Sendable {
    private let driver: NIOLoopBound<CoreDriver>
    private let eventLoop: any EventLoop

    init(_ driver: CoreDriver, eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.driver = NIOLoopBound(driver, eventLoop: eventLoop)
    }

    func receive(_ batch: CommandBatch, from loop: LoopHandle? = nil) {
        self.eventLoop.execute {
            self.driver.value.receive(batch)
            loop?.commandsTaken()
        }
    }

    /// Runs `body` on the core's loop.
    func run(_ body: @escaping @Sendable (CoreDriver) -> Void) {
        self.eventLoop.execute { body(self.driver.value) }
    }
}
