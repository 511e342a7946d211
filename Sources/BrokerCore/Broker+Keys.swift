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
        for topic in self.keyedTopics {
            do throws(AggregatorError) { try topic.load() } catch { continue }
            guard let age = topic.rule.staleAfter, let keyed = topic.accumulator as? KeyedAccumulator else { continue }
            var stale: [[UInt8]] = []
            for key in keyed.keys {
                guard let heard = topic.keysHeard[key] else {
                    topic.keysHeard[key] = self.now.monotonic
                    continue
                }
                if self.now.monotonic - heard >= age { stale.append(key) }
            }
            // In an order that is the same in every run.
            for key in stale.sorted(by: { $0.lexicographicallyPrecedes($1) }) { self.drop(key, of: topic, keyed) }
        }
    }

    private func drop(_ key: [UInt8], of topic: TopicState, _ keyed: KeyedAccumulator) {
        let isStored = topic.isStored(retaining: false)
        // What can not be stored is not changed; it goes when the store is there again.
        guard !isStored || self.storageFailure == nil else { return }
        let needs = self.needs(of: topic, isStored: isStored, self.nobody)
        self.tellEarlierChange(of: topic, before: needs)
        guard keyed.remove(key) else { return }
        topic.keysHeard[key] = nil
        self.note(topic, isStored: isStored, needs: needs)
        let applied = Applied(topic: topic, isStored: isStored, needs: needs)
        self.tell(applied, data: UnsafeRawBufferPointer(start: nil, count: 0), from: self.nobody)
    }
}
