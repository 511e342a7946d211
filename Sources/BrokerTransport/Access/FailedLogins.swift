package import NIOCore
import Synchronization

/// Counts wrong credentials by address, so that nobody can guess for long.
///
/// The minute of an address begins with its first wrong credential; after `limit` different ones it waits until that
/// minute is over. Nobody guesses by showing the same again: a program whose token was taken away does, and is not to
/// keep its neighbours out. So repetitions count apart, up to ``repetitionsMax`` times the limit. An IPv6 address
/// counts as its /64, which one customer has all of.
///
/// Memory is bounded by ``addressesMax``. When so many have a minute that is not over, the one that began first is
/// forgotten: who has thousands of addresses guesses a little more, and nobody else is kept out for it.
package final class FailedLogins: Sendable {
    /// What came of a failure.
    package struct Verdict: Hashable, Sendable {
        /// Whether it counted, and not as a repetition.
        package var isNew = true
        /// How long the address has to wait from this one on; `nil` if it does not, or did already.
        package var blockedSeconds: Int?
    }

    private struct Minute {
        var end: NIODeadline
        var failures = 0
        var repetitions = 0
        /// The last different ones, as hashes that mean something in this process only.
        var recent: [Int] = []
    }

    /// Each costs some hundred bytes.
    package static let addressesMax = 4096
    /// How many different credentials an address is known by: more programs than are left behind at one place.
    package static let recentMax = 16
    /// Each is looked at, which costs the check of a signature.
    package static let repetitionsMax = 10
    private static let length = TimeAmount.minutes(1)

    private let limit: Int
    private let minutes = Mutex<[String: Minute]>([:])

    /// - `limit`: The most in a minute; 0 for no bound.
    package init(limit: Int) { self.limit = limit }

    /// How long an address has to wait until it may try again, in whole seconds of at least 1, or `nil` if it may.
    ///
    /// - `isKnown`: Whether it is asked for a client that has shown right credentials before. It does not have to wait
    ///   for its neighbours, who are not looked at any more; who is in with many connections guesses with each, so for
    ///   those ``repetitionsMax`` times the limit is enough.
    package func isBlocked(_ address: String, isKnown: Bool = false, at now: NIODeadline) -> Int? {
        guard self.limit > 0 else { return nil }
        let minute = self.minutes.withLock { $0[AddressNetwork.key(of: address)] }
        return self.blockedSeconds(minute, isKnown: isKnown, at: now)
    }

    private func blockedSeconds(_ minute: Minute?, isKnown: Bool = false, at now: NIODeadline) -> Int? {
        guard let minute, minute.end > now else { return nil }
        let most = self.limit * Self.repetitionsMax
        guard isKnown ? minute.failures >= most : minute.failures >= self.limit || minute.repetitions >= most else {
            return nil
        }
        let left = (minute.end - now).nanoseconds
        return Int((left + 999_999_999) / 1_000_000_000)
    }

    /// Notes that credentials from an address were wrong.
    ///
    /// - `hash`: Of the credentials, to tell them from others.
    package func failed(_ address: String, with hash: Int, at now: NIODeadline) -> Verdict {
        guard self.limit > 0 else { return Verdict() }
        let network = AddressNetwork.key(of: address)
        return self.minutes.withLock { minutes in
            var minute = minutes[network].flatMap { $0.end > now ? $0 : nil } ?? Minute(end: now + Self.length)
            if minutes.count >= Self.addressesMax, minutes[network] == nil { Self.makeRoom(&minutes, now) }
            let wasBlocked = self.blockedSeconds(minute, at: now) != nil
            let isNew = !minute.recent.contains(hash)
            if isNew {
                minute.failures += 1
                minute.recent = minute.recent.suffix(Self.recentMax - 1) + [hash]
            } else {
                minute.repetitions += 1
            }
            minutes[network] = minute
            return Verdict(isNew: isNew, blockedSeconds: wasBlocked ? nil : self.blockedSeconds(minute, at: now))
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
}
