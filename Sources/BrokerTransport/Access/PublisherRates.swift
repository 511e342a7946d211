package import BrokerCore
package import NIOCore
import Synchronization

/// How often somebody may publish over HTTP, where each request can come on a connection of its own: who has shown who
/// it is by its name, wherever it is, and everybody else by address.
///
/// Memory is bounded as that of ``FailedLogins`` is, and in the same way: who is forgotten begins with a full bucket.
package final class PublisherRates: Sendable {
    private enum Publisher: Hashable {
        case name(String)
        /// As ``AddressNetwork`` has it.
        case network(String)
    }

    private let configuration: TransportConfiguration
    private let buckets = Mutex<[Publisher: TokenBucket]>([:])

    package init(_ configuration: TransportConfiguration) { self.configuration = configuration }

    package var publishesPerSecond: Int { self.configuration.publishesPerSecond }

    /// Takes one publish; `nil` if it may be, else how many milliseconds it has to wait.
    ///
    /// - `address`: Where it comes from, without the port.
    package func take(_ identity: Identity, from address: String, at now: NIODeadline) -> Int? {
        guard self.configuration.publishesPerSecond > 0 else { return nil }
        let publisher: Publisher =
            identity == .anonymous ? .network(AddressNetwork.key(of: address)) : .name(identity.name)
        let time = now.uptimeNanoseconds
        return self.buckets.withLock { buckets in
            if buckets[publisher] == nil {
                if buckets.count >= FailedLogins.addressesMax { Self.makeRoom(&buckets) }
                buckets[publisher] = TokenBucket(publishesOf: self.configuration, now: time)
            }
            return buckets[publisher]?.take(at: time)
        }
    }

    /// Forgets the half that was heard of longest ago, so that this is rare.
    private static func makeRoom(_ buckets: inout [Publisher: TokenBucket]) {
        let times = buckets.values.map(\.lastFill).sorted()
        let middle = times[times.count / 2]
        buckets = buckets.filter { $0.value.lastFill > middle }
    }

    /// How many are remembered.
    package var count: Int { self.buckets.withLock { $0.count } }
}
