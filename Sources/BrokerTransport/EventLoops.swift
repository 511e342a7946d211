import BrokerCore
import BrokerWire
package import Logging
package import NIOCore

/// The drivers of all event loops, and of the core on the first of them.
package final class EventLoops: Sendable {
    package let configuration: TransportConfiguration
    package let gate: ConnectionGate
    package let access: ConnectionAccess
    let loops: [any EventLoop]
    let drivers: [NIOLoopBound<LoopDriver>]
    let core: CoreHandle

    private init(
        _ loops: [any EventLoop],
        _ drivers: [NIOLoopBound<LoopDriver>],
        _ core: CoreHandle,
        _ configuration: TransportConfiguration,
        _ access: ConnectionAccess
    ) {
        self.loops = loops
        self.drivers = drivers
        self.core = core
        self.configuration = configuration
        self.access = access
        self.gate = ConnectionGate(
            connectionsMax: configuration.connections,
            perAddressMax: configuration.connectionsPerAddress
        )
    }

    /// Sets up every loop.
    ///
    /// - `makeCore`: Makes the core; called on the first loop, where it is going to live.
    package static func start(
        on group: any EventLoopGroup,
        configuration: TransportConfiguration,
        access: ConnectionAccess,
        logger: Logger,
        wallClock: @escaping @Sendable () -> UInt64,
        makeCore: @escaping @Sendable (any EventLoop, Int) throws -> CoreDriver
    ) async throws -> EventLoops {
        let loops = Array(group.makeIterator())
        precondition(!loops.isEmpty, "a group has at least one event loop")
        let first = try await loops[0].submit {
            () -> (CoreHandle, NIOLoopBound<CoreDriver>, NIOLoopBound<LoopDriver>) in
            let core = try makeCore(loops[0], loops.count)
            let driver = LoopDriver(
                index: 0,
                eventLoop: loops[0],
                core: .here(core),
                configuration: configuration,
                logger: logger,
                wallClock: wallClock
            )
            driver.startSweeping()
            return (
                CoreHandle(core, eventLoop: loops[0]), NIOLoopBound(core, eventLoop: loops[0]),
                NIOLoopBound(driver, eventLoop: loops[0])
            )
        }.get()
        var drivers = [first.2]
        for (index, loop) in loops.enumerated().dropFirst() {
            let driver = try await loop.submit {
                let driver = LoopDriver(
                    index: index,
                    eventLoop: loop,
                    core: .elsewhere(first.0),
                    configuration: configuration,
                    logger: logger,
                    wallClock: wallClock
                )
                driver.startSweeping()
                return NIOLoopBound(driver, eventLoop: loop)
            }.get()
            drivers.append(driver)
        }
        let bound = drivers
        var handles: [LoopHandle] = []
        for (loop, driver) in zip(loops, bound) {
            handles.append(try await loop.submit { LoopHandle(driver.value) }.get())
        }
        let all = handles
        try await loops[0].submit { first.1.value.attach(all) }.get()
        return EventLoops(loops, bound, first.0, configuration, access)
    }

    /// The driver of the loop that is being run.
    func driver(of eventLoop: any EventLoop) -> LoopDriver {
        guard let index = self.loops.firstIndex(where: { $0 === eventLoop }) else {
            preconditionFailure("a connection is on a loop of the broker's own group")
        }
        return self.drivers[index].value
    }

    /// Says goodbye to every client.
    package func drain() {
        for (loop, driver) in zip(self.loops, self.drivers) {
            loop.execute { driver.value.drain() }
        }
    }

    /// Notes that there is too little room to store anything, or `nil` that there is enough again.
    package func setStorageShortage(_ reason: String?) {
        self.core.run { $0.setStorageShortage(reason) }
    }

    /// How many clients are connected.
    package func sessionCount() async throws -> Int {
        var count = 0
        for (loop, driver) in zip(self.loops, self.drivers) {
            count += try await loop.submit { driver.value.hub.sessionCount }.get()
        }
        return count
    }

    /// Ends the work of all loops, before they themselves end; returns once everything that was accepted is stored.
    package func stop() async throws {
        // Hummingbird does not wait for WebSockets. Each has been told to go, and is cut if it does not.
        self.drain()
        for (loop, driver) in zip(self.loops, self.drivers) {
            let promise = loop.makePromise(of: Void.self)
            loop.execute { driver.value.whenEmpty(promise) }
            try await promise.futureResult.get()
        }
        for (loop, driver) in zip(self.loops, self.drivers) {
            try await loop.submit { driver.value.stop() }.get()
        }
        let promise = self.loops[0].makePromise(of: Void.self)
        self.core.run { $0.whenIdle(promise) }
        try await promise.futureResult.get()
    }
}
