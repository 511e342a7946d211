package import NIOCore
import Synchronization

/// Counts wrong credentials by address, so that nobody can guess for long.
///
/// The minute of an address begins with its first wrong credential; after `limit` of them it waits until that minute is
/// over. An IPv6 address counts as its /64, which one customer has all of.
///
/// Memory is bounded by ``addressesMax``. When so many have a minute that is not over, the one that began first is
/// forgotten: who has thousands of addresses guesses a little more, and nobody else is kept out for it.
package final class FailedLogins: Sendable {
    private struct Minute {
        var end: NIODeadline
        var failures: Int
    }

    /// Each costs some hundred bytes.
    package static let addressesMax = 4096
    private static let length = TimeAmount.minutes(1)

    private let limit: Int
    private let minutes = Mutex<[String: Minute]>([:])

    /// - `limit`: The most in a minute; 0 for no bound.
    package init(limit: Int) { self.limit = limit }

    /// How long an address has to wait until it may try again, in whole seconds of at least 1, or `nil` if it may.
    package func isBlocked(_ address: String, at now: NIODeadline) -> Int? {
        guard self.limit > 0 else { return nil }
        let minute = self.minutes.withLock { $0[Self.network(of: address)] }
        guard let minute, minute.end > now, minute.failures >= self.limit else { return nil }
        let left = (minute.end - now).nanoseconds
        return Int((left + 999_999_999) / 1_000_000_000)
    }

    /// Notes that credentials from an address were wrong.
    package func failed(_ address: String, at now: NIODeadline) {
        guard self.limit > 0 else { return }
        let network = Self.network(of: address)
        self.minutes.withLock { minutes in
            if let minute = minutes[network], minute.end > now {
                minutes[network]?.failures = minute.failures + 1
                return
            }
            if minutes.count >= Self.addressesMax, minutes[network] == nil { Self.makeRoom(&minutes, now) }
            minutes[network] = Minute(end: now + Self.length, failures: 1)
        }
    }

    /// How many addresses are remembered.
    package var count: Int { self.minutes.withLock { $0.count } }

    private static func makeRoom(_ minutes: inout [String: Minute], _ now: NIODeadline) {
        minutes = minutes.filter { $0.value.end > now }
        guard minutes.count >= Self.addressesMax, let first = minutes.min(by: { $0.value.end < $1.value.end }) else {
            return
        }
        minutes[first.key] = nil
    }

    /// What an address is counted as: an IPv4 address as itself, also inside an IPv6 one, an IPv6 address as its /64.
    static func network(of address: String) -> String {
        guard address.contains(":"), case .v6(let parsed)? = try? SocketAddress(ipAddress: address, port: 0) else {
            return address
        }
        // Family, port and flow take eight bytes; the address is the next sixteen.
        let bytes = withUnsafeBytes(of: parsed.address) { Array($0[8..<24]) }
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
            return bytes.suffix(4).map { "\($0)" }.joined(separator: ".")
        }
        return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }
}
