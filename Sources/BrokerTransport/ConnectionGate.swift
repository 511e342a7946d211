package import NIOCore
import Synchronization

/// How many connections there may be, in all and from one address.
package final class ConnectionGate: Sendable {
    package enum Verdict: Hashable, Sendable {
        case admitted
        /// The broker is full.
        case full(limit: Int)
        /// This address has too many.
        case addressFull(limit: Int)

        /// Why there is no room, if there is none.
        package var reason: String? {
            switch self {
            case .admitted: nil
            case .full(let limit): "there are \(limit) connections already (limits.connections)"
            case .addressFull(let limit):
                "there are \(limit) connections from this address already (limits.connectionsPerAddress)"
            }
        }
    }

    private struct Counts {
        var all = 0
        var byAddress: [String: Int] = [:]

        mutating func leave(_ address: String) {
            guard let count = self.byAddress[address] else { return }
            self.byAddress[address] = count > 1 ? count - 1 : nil
        }
    }

    /// When it is worth while to come again, in seconds.
    package static let retrySeconds = 5

    private let connectionsMax: Int
    private let perAddressMax: Int
    private let counts = Mutex(Counts())

    /// - Parameters:
    ///   - connectionsMax: 0 for no bound.
    ///   - perAddressMax: 0 for no bound.
    package init(connectionsMax: Int, perAddressMax: Int) {
        self.connectionsMax = connectionsMax
        self.perAddressMax = perAddressMax
    }

    private func judge(_ address: String?, _ counts: Counts) -> Verdict {
        if self.connectionsMax > 0, counts.all >= self.connectionsMax { return .full(limit: self.connectionsMax) }
        guard let address else { return .admitted }
        return self.judgeAddress(address, counts)
    }

    private func judgeAddress(_ address: String, _ counts: Counts) -> Verdict {
        if self.perAddressMax > 0, counts.byAddress[AddressNetwork.key(of: address), default: 0] >= self.perAddressMax {
            return .addressFull(limit: self.perAddressMax)
        }
        return .admitted
    }

    /// Lets a connection in, if there is room; every one that was let in has to ``leave(_:)``.
    ///
    /// - `address`: `nil` for a proxy, whose clients are counted by ``enterForwarded(_:)``.
    package func enter(_ address: String?) -> Verdict {
        self.counts.withLock { counts in
            let verdict = self.judge(address, counts)
            guard verdict == .admitted else { return verdict }
            counts.all += 1
            if let address { counts.byAddress[AddressNetwork.key(of: address), default: 0] += 1 }
            return .admitted
        }
    }

    /// Lets in a client of a proxy, whose connection is counted already.
    package func enterForwarded(_ address: String) -> Verdict {
        self.counts.withLock { counts in
            let verdict = self.judgeAddress(address, counts)
            if verdict == .admitted { counts.byAddress[AddressNetwork.key(of: address), default: 0] += 1 }
            return verdict
        }
    }

    /// The same, and lets it go again when its connection ends.
    func enter(_ address: String?, until end: EventLoopFuture<Void>) -> Verdict {
        let verdict = self.enter(address)
        if verdict == .admitted { end.whenComplete { _ in self.leave(address) } }
        return verdict
    }

    func enterForwarded(_ address: String, until end: EventLoopFuture<Void>) -> Verdict {
        let verdict = self.enterForwarded(address)
        if verdict == .admitted { end.whenComplete { _ in self.leaveForwarded(address) } }
        return verdict
    }

    /// What connections are counted by: the peer's IP address, or nothing where there is none.
    package static func address(of channel: any Channel) -> String { channel.remoteAddress?.ipAddress ?? "" }

    package func leave(_ address: String?) {
        self.counts.withLock { counts in
            counts.all -= 1
            if let address { counts.leave(AddressNetwork.key(of: address)) }
        }
    }

    package func leaveForwarded(_ address: String) {
        self.counts.withLock { $0.leave(AddressNetwork.key(of: address)) }
    }
}
