import Synchronization

/// How many clients were sent away before they could ask for anything, by why.
package final class RefusalCounts: Sendable {
    package enum Reason: String, CaseIterable, Sendable {
        /// There were as many as there may be.
        case connections
        /// There were as many from its address as there may be.
        case address
        /// It was a page of a place that is not listed.
        case origin
        /// What it has shown was wrong, or it has shown nothing.
        case credentials
        /// Its address had been wrong too often.
        case attempts
        /// Its TLS handshake failed: it had no certificate that counts, or trusted ours not, or spoke no TLS.
        case handshake
    }

    private let counts = Mutex<[Reason: UInt64]>([:])

    package init() {}

    package func add(_ reason: Reason) { self.counts.withLock { $0[reason, default: 0] += 1 } }

    /// One for each reason there is, in their order.
    package var all: [(reason: Reason, count: UInt64)] {
        let counts = self.counts.withLock { $0 }
        return Reason.allCases.map { ($0, counts[$0] ?? 0) }
    }
}
