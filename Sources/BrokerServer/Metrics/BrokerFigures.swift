import BrokerCore
import BrokerStore
import BrokerTransport
import NIOCore

/// Everything that a broker knows about itself at one moment.
struct BrokerFigures: Sendable {
    var loops: LoopsFigures
    var store: StoreFigures
    var storeState: StoreState
    /// When the certificate of its listeners ends, in seconds since 1970; `nil` without TLS.
    var certificateEnd: Int64?
    /// How long the broker has been running.
    var uptime: Duration

    enum StoreState: String {
        case ok
        /// What would be stored is refused until there is room.
        case full
        case failed
    }
}

/// Where the figures come from.
struct FiguresSource: Sendable {
    let loops: EventLoops
    let store: SQLiteStore
    let readiness: Readiness
    let tls: ServerTLS?
    let started: ContinuousClock.Instant

    func figures() async throws -> BrokerFigures {
        let state: BrokerFigures.StoreState =
            self.store.failure != nil ? .failed : self.readiness.isShort ? .full : .ok
        return BrokerFigures(
            loops: try await self.loops.figures(),
            store: self.store.figures,
            storeState: state,
            certificateEnd: self.tls?.certificateEnd,
            uptime: ContinuousClock.now - self.started
        )
    }
}
