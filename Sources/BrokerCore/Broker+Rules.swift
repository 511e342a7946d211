import BrokerAggregation
import BrokerWire
import Logging

/// Other rules for a broker that runs (decision 0025).
extension Broker {
    /// Puts other rules in force between two requests, or refuses them and changes nothing.
    ///
    /// Topics stay with their values, subscriptions and timers, and go on under the rules that govern them now. It
    /// looks at every topic, and holds up everybody for so long.
    package func changeRules(_ wanted: TopicRules, at now: BrokerTime) throws(RuleChangeRefusal) {
        // What is due happens under the rules of before.
        self.timePassed(at: now)
        let rules = wanted.following(self.rules, at: self.windowClock.time(at: now))
        let changes = try self.changes(under: rules)
        let keepsViews = rules.hasViews(of: self.rules)
        self.rules = rules
        for change in changes { self.carryOut(change) }
        self.keyedTopics.removeAll()
        self.timedTopics.removeAll()
        self.watchedTopics.removeAll()
        for topic in self.topics.compactMap(\.self) {
            if !keepsViews { topic.noteViews(topic.name.withUnsafeBytes { rules.views(of: $0) }) }
            self.list(topic)
        }
        for change in changes {
            // It was read when the change was made ready.
            try? self.watchSilence(of: change.topic)
            self.setTimer(of: change.topic)
        }
        do throws(RestoreError) { try self.watchExpectedTopics() } catch {
            self.logger.error("a topic can not be watched", metadata: ["error": "\(error)"])
        }
    }

    /// A topic that another rule governs.
    private struct RuleChange {
        let topic: TopicState
        let shared: SharedRule
        let successors: TopicState.Successors
    }

    private func changes(under rules: TopicRules) throws(RuleChangeRefusal) -> [RuleChange] {
        var changes: [RuleChange] = []
        var refusal = RuleChangeRefusal()
        for topic in self.topics.compactMap(\.self) {
            let shared = topic.name.withUnsafeBytes { rules.sharedRule(for: $0) }
            guard shared !== topic.shared else { continue }
            if let conflict = Self.conflict(of: topic, with: shared.rule) {
                refusal.add(conflict)
                continue
            }
            // After the first refusal the rest is only counted.
            guard refusal.count == 0 else { continue }
            do throws(AggregatorError) {
                let successors = try topic.successors(under: shared.rule)
                changes.append(RuleChange(topic: topic, shared: shared, successors: successors))
            } catch {
                refusal.add(.init(Self.unreadable(topic, error)))
            }
        }
        guard refusal.count == 0 else { throw refusal }
        return changes
    }

    /// Why `rule` can not go on from what `topic` holds, if that is so.
    private static func conflict(of topic: TopicState, with rule: TopicRule) -> RuleChangeRefusal.Conflict? {
        let holdings = topic.holdings
        for holding in holdings {
            do throws(RestoreError) { try holding.check(against: rule, of: topic.name) } catch { return .init(error) }
        }
        let before = topic.rule
        guard holdings.contains(where: { $0 != .nothing }) || topic.rowID != nil else { return nil }
        guard before.durability == rule.durability else {
            let (held, wanted) = (before.durability.rawValue, rule.durability.rawValue)
            return .init(topic: "\(topic)", held: "a value in '\(held)'", wanted: "'\(wanted)'")
        }
        // What keys there are is in the state, so those of another place do not belong to it.
        guard before.aggregator == nil || before.key == rule.key else {
            let name = before.aggregator?.stateName ?? ""
            func text(_ key: FieldPath?) -> String { key.map { "by \($0)" } ?? "without a key" }
            let held = "the state of '\(name)' \(text(before.key))"
            return .init(topic: "\(topic)", held: held, wanted: text(rule.key))
        }
        return nil
    }

    private func carryOut(_ change: RuleChange) {
        let topic = change.topic
        let wasStored = topic.isOnDisk && topic.hasAggregator
        let views = topic.name.withUnsafeBytes { self.rules.views(of: $0) }
        topic.adopt(change.shared, change.successors, views: views, at: self.now.monotonic)
        guard topic.rowID == nil, (topic.isOnDisk && topic.hasAggregator) != wasStored else { return }
        topic.move(toLife: self.deletions, epoch: self.nextEpoch(of: topic))
    }
}
