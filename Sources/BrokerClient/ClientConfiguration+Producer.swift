import BrokerWire

extension ClientConfiguration {
    /// Under which name a client numbers its publishes, so that one that is sent again is not counted again.
    ///
    /// The broker keeps, for each name, which numbers have their verdict. A client that lost its connection therefore
    /// sends again what it has no verdict of, and each publish counts once, whatever was lost on the way.
    public enum Producer: Hashable, Sendable {
        /// A random name that nobody uses twice: exactly once for as long as this client lives. The broker may forget
        /// it once the client has been away for long and many others came; what was under way then ends as of unknown
        /// outcome, and the client goes on under another name.
        case ephemeral
        /// This name, of 1 to 64 of the characters `A-Z a-z 0-9 _ . : -`, and numbers from 1. Only one process may
        /// use it: a later one takes over, and the earlier one ends with 4104 or 4105.
        case named(String)
        /// This name, and numbers that go on where the last process stopped. The broker never forgets it.
        ///
        /// For programs whose numbers are places in something that can be read again: after
        /// ``BrokerClient/start()`` such a program asks ``BrokerClient/producer`` where to go on, and passes the
        /// number of each publish. Numbers that are not bound to a source say nothing to the next process.
        case resuming(String)
        /// No numbers. A publish that was sent and not answered before the connection was lost ends as of unknown
        /// outcome, and is never sent again. For fire and forget, for clients that only subscribe, and for brokers
        /// before 1.0.
        case none
    }
}

extension ClientConfiguration.Producer {
    /// Whether `name` is one that a broker takes.
    public static func isValidName(_ name: String) -> Bool {
        Array(name.utf8).withUnsafeBytes { ProducerName.isValid($0) }
    }

    /// A name for one life of one client: 128 random bits are never drawn twice.
    static func drawEphemeralName(using generator: inout some RandomNumberGenerator) -> String {
        let halves = [generator.next(), generator.next()].map { half in
            let digits = String(half, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }
        return "auto-" + halves.joined()
    }
}
