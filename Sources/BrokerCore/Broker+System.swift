import BrokerWire

/// What the broker publishes about itself, below `$sys/`.
extension Broker {
    /// Publishes the newest value of topics of the broker's own, to whoever subscribes and whoever comes later.
    ///
    /// Nobody's publish reaches these topics: a level that begins with `$` is refused. They are kept in memory, and one
    /// whose value has not changed is not told again.
    ///
    /// - `values`: Topics and JSON.
    package func publishSystem(_ values: [(topic: [UInt8], data: [UInt8])], at now: BrokerTime) {
        self.now = now
        for (name, data) in values {
            guard let topic = name.withUnsafeBytes({ self.topic($0) }), !topic.retains(data) else { continue }
            var transaction = Transaction(binds: false)
            var change = Change(topic)
            change.message = .event(data: data, siblings: [])
            change.isMeasured = false
            transaction.append(change)
            self.carryOut(transaction, retains: true, self.nobody)
        }
    }
}
