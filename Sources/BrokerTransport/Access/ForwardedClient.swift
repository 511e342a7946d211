/// A client behind a proxy of ours, counted by its own address until nobody holds this any more.
///
/// The connection is the proxy's and carries requests of many, so it is requests that are counted, and what stays open
/// for them.
package final class ForwardedClient: Sendable {
    private let gate: ConnectionGate
    private let address: String

    /// - Throws: If there are too many of this address.
    package init(_ address: String, in gate: ConnectionGate) throws(TooMany) {
        let verdict = gate.enterForwarded(address)
        if let reason = verdict.reason { throw TooMany(reason: reason) }
        self.gate = gate
        self.address = address
    }

    deinit { self.gate.leaveForwarded(self.address) }

    package struct TooMany: Error, Hashable, Sendable {
        package var reason: String
    }
}
