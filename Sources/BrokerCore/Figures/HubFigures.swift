/// What one event loop's hub has counted since the start, and how it is now.
package struct HubFigures: Sendable {
    package var connections = 0
    package var subscriptions = 0
    /// Bytes that wait in memory for slow clients.
    package var outboxBytes = 0
    package var opened: UInt64 = 0
    /// Messages that were handed to connections; a total's newest value is one.
    package var deliveries: UInt64 = 0
    /// Values that a newer one replaced before they were sent.
    package var conflated: UInt64 = 0
    package var receivedBytes: UInt64 = 0
    package var sentBytes: UInt64 = 0
    package var slowConsumers: UInt64 = 0

    package init() {}

    package static func += (sum: inout Self, other: Self) {
        sum.connections += other.connections
        sum.subscriptions += other.subscriptions
        sum.outboxBytes += other.outboxBytes
        sum.opened += other.opened
        sum.deliveries += other.deliveries
        sum.conflated += other.conflated
        sum.receivedBytes += other.receivedBytes
        sum.sentBytes += other.sentBytes
        sum.slowConsumers += other.slowConsumers
    }
}

extension Hub {
    /// The figures of this moment.
    package var figures: HubFigures {
        var figures = self.counts
        self.forEachSession { session in
            figures.connections += 1
            figures.subscriptions += session.filters.count
            figures.outboxBytes += session.pendingBytes
        }
        return figures
    }
}
