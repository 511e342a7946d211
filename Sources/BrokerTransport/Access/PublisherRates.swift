package import NIOCore
import Synchronization

/// How often an address may publish over HTTP, where each request can come on a connection of its own.
///
/// Memory is bounded as that of ``FailedLogins`` is, and in the same way: who is forgotten begins with a full bucket.
package final class AddressRates: Sendable {
    private let configuration: TransportConfiguration
    private let buckets = Mutex<[String: TokenBucket]>([:])

    package init(_ configuration: TransportConfiguration) { self.configuration = configuration }

    package var publishesPerSecond: Int { self.configuration.publishesPerSecond }

    /// Takes one publish of an address; `nil` if it may, else how many milliseconds it has to wait.
    package func take(_ address: String, at now: NIODeadline) -> Int? {
        guard self.configuration.publishesPerSecond > 0 else { return nil }
        let (network, time) = (AddressNetwork.key(of: address), now.uptimeNanoseconds)
        return self.buckets.withLock { buckets in
            if buckets[network] == nil {
                if buckets.count >= FailedLogins.addressesMax { Self.makeRoom(&buckets) }
                buckets[network] = TokenBucket(publishesOf: self.configuration, now: time)
            }
            return buckets[network]?.take(at: time)
        }
    }

    /// Forgets the half that was heard of longest ago, so that this is rare.
    private static func makeRoom(_ buckets: inout [String: TokenBucket]) {
        let times = buckets.values.map(\.lastFill).sorted()
        let middle = times[times.count / 2]
        buckets = buckets.filter { $0.value.lastFill > middle }
    }

    /// How many addresses are remembered.
    package var count: Int { self.buckets.withLock { $0.count } }
}
