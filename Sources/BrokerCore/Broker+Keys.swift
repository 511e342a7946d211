import BrokerAggregation
import BrokerWire
import Logging

/// Keys that say nothing any more.
extension Broker {
    /// Takes the keys out that were silent for too long; each is one more change of its topic.
    ///
    /// It is called once a second, so a key goes within a second after its time. After a restart every key has its time
    /// anew: nobody knows how long it was silent meanwhile.
    func dropStaleKeys() {
        self.keyedTopics.removeAll(where: \.isForgotten)
        for topic in self.keyedTopics {
            do throws(AggregatorError) { try topic.load() } catch { continue }
            guard let age = topic.rule.staleAfter, let keyed = topic.accumulator as? KeyedAccumulator else { continue }
            var stale: [[UInt8]] = []
            var count = 0
            for key in keyed.keys {
                count += 1
                guard let heard = topic.keysHeard[key] else {
                    topic.keysHeard[key] = self.now.monotonic
                    continue
                }
                if self.now.monotonic - heard >= age { stale.append(key) }
            }
            // Those of keys that have made room for others.
            if topic.keysHeard.count > count {
                topic.keysHeard = topic.keysHeard.filter { keyed.value(of: $0.key) != nil }
            }
            // In an order that is the same in every run.
            for key in stale.sorted(by: { $0.lexicographicallyPrecedes($1) }) { self.drop(key, of: topic, keyed) }
        }
    }

    private func drop(_ key: [UInt8], of topic: TopicState, _ keyed: KeyedAccumulator) {
        // What can not be stored is not changed; it goes when the store is there again.
        guard !topic.isStored(retaining: false) || self.storageRefusal == nil else { return }
        self.prepareChange(of: topic)
        let own = keyed.value(of: key)?.primaryNumber
        let before = keyed.value.primaryNumber
        guard keyed.remove(key) else { return }
        topic.keysHeard[key] = nil
        let after = keyed.value.primaryNumber
        let now = self.now.monotonic
        let transitions = topic.alerts.lost(key, own: own, before: before, after: after, at: now)
        var change = Change(topic)
        change.isMeasured = false
        self.carryOutByItself(change, transitions)
    }
}
