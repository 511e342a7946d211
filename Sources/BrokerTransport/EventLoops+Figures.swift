package import BrokerCore
import NIOCore

/// What the loops have counted, and how they are now.
package struct LoopsFigures: Sendable {
    package var core: CoreFigures
    package var hubs: [HubFigures]
    /// How late each loop was with what it does once a second, in nanoseconds: it was busy with something else.
    package var lags: [UInt64]

    /// How many clients were sent away, by why.
    package var turnedAway: [(reason: RefusalCounts.Reason, count: UInt64)] = []

    /// All hubs together.
    package var hub: HubFigures { self.hubs.reduce(into: HubFigures()) { $0 += $1 } }
}

extension EventLoops {
    package func figures() async throws -> LoopsFigures {
        let promise = self.loops[0].makePromise(of: CoreFigures.self)
        self.core.run { promise.succeed($0.figures) }
        var figures = LoopsFigures(core: try await promise.futureResult.get(), hubs: [], lags: [])
        for (loop, driver) in zip(self.loops, self.drivers) {
            let (hub, lag) = try await loop.submit { (driver.value.hub.figures, driver.value.lag) }.get()
            figures.hubs.append(hub)
            figures.lags.append(lag)
        }
        figures.turnedAway = self.access.refusals.all
        return figures
    }

    /// Publishes the newest values of the broker's own topics.
    package func publishSystem(_ values: [(topic: [UInt8], data: [UInt8])]) {
        self.core.run { $0.publishSystem(values) }
    }
}
