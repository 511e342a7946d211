import Testing

@testable import BrokerClient

/// Whatever is lost on the way, and whenever: each publish counts once, and its outcome says whether it did.
@Suite("Exactly once, against a model", .timeLimit(.minutes(5)))
struct ExactlyOnceModelTests {
    private static let runs: UInt64 = 600

    /// Lets things happen until every publish has its outcome; after a while nothing breaks any more.
    private func settle(_ link: inout LossyLink, count: Int) throws {
        var steps = 0
        while link.publisher.outcomes.count < count {
            steps += 1
            guard steps < 100_000 else { throw FakeBrokerError.unexpected("it does not end") }
            try link.step(isCalm: steps > 1000)
        }
        // The last answer may speak of a commit that a step did.
        #expect(link.broker.committed.applied.values.allSatisfy { $0 == 1 }, "something counted twice")
    }

    @Test func aClientThatLivesOnCountsEachPublishOnce() throws {
        for seed in 1...Self.runs {
            var random = SplitMix(state: seed &* 7919)
            let publisher = try PublisherHarness(.ephemeral, inFlightMax: 1 + random.below(20))
            var link = LossyLink(publisher, ModelBroker(), seed: seed)
            let values = (0..<40).map { _ in random.below(5) == 0 ? "\"no\"" : "\(random.below(1000))" }
            var sent = 0
            while sent < values.count {
                if try publisher.publish(values[sent], tag: UInt64(sent)) == .added { sent += 1 }
                for _ in 0..<random.below(6) { try link.step() }
            }
            try self.settle(&link, count: values.count)
            #expect(publisher.outcomes.map(\.tag) == (0..<40).map { UInt64($0) }, "seed \(seed)")
            for (tag, outcome) in publisher.outcomes {
                switch outcome {
                case .acknowledged: #expect(values[Int(tag)] != "\"no\"", "seed \(seed)")
                case .refused: #expect(values[Int(tag)] == "\"no\"", "seed \(seed)")
                case .unknown, .notSent: Issue.record("seed \(seed): nothing is unknown")
                }
            }
            #expect(link.broker.committed.sum == values.compactMap { Int($0) }.reduce(0, +), "seed \(seed)")
        }
    }

    /// The process dies too, at any moment, and begins again with the same file; some lines are accepted only later.
    @Test func aFileThatIsPublishedAgainAndAgainCountsEachLineOnce() throws {
        for seed in 1...Self.runs {
            var random = SplitMix(state: seed &* 104_729)
            let lines = (0..<30).map { _ in
                [nil, "\"no\"", "\(random.below(100))", "\(random.below(1000))"][random.below(4)]
            }
            var broker = ModelBroker()
            for run in 0..<20 {
                // The last two runs are let be; before, a rule refuses what another accepts.
                let isLast = run >= 18
                broker.highest = isLast || random.below(2) == 0 ? .max : 99
                let publisher = try PublisherHarness(.resuming("m"), inFlightMax: 1 + random.below(20))
                broker.disconnected()
                var link = LossyLink(publisher, broker, seed: seed &* 31 &+ UInt64(run))
                let life = isLast ? Int.max : random.below(120)
                try self.publish(lines, through: &link, steps: life)
                broker = link.broker
                if random.below(3) == 0, !isLast { broker.crashed() }
            }
            #expect(broker.committed.sum == lines.compactMap { $0.flatMap { Int($0) } }.reduce(0, +), "seed \(seed)")
            #expect(broker.committed.settled == UInt64(lines.count), "seed \(seed)")
            #expect(broker.committed.applied.values.allSatisfy { $0 == 1 }, "seed \(seed)")
        }
    }

    /// One run of the process, which is over after so many steps.
    private func publish(_ lines: [String?], through link: inout LossyLink, steps: Int) throws {
        var (next, sent, step) = (0, 0, 0)
        while step < steps, next < lines.count || link.publisher.outcomes.count < sent {
            step += 1
            guard step < 100_000 else { throw FakeBrokerError.unexpected("it does not end") }
            try link.step(isCalm: step > 1000)
            guard next < lines.count, link.publisher.outbox.position != nil else { continue }
            let seq = UInt64(next + 1)
            let publisher = link.publisher
            let addition = try lines[next].map { try publisher.publish($0, seq: seq) } ?? publisher.skip(seq: seq)
            if addition == .added { sent += 1 }
            if addition != .full { next += 1 }
        }
    }
}
