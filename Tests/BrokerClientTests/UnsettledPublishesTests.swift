import NIOCore
import Testing

@testable import BrokerClient

@Suite("Unsettled publishes")
struct UnsettledPublishesTests {
    private final class Sink: PublishSink {
        func publishEnded(tag: UInt64, _ outcome: PublishOutcome) {}
    }

    /// Publishes with these numbers, and between them others without one, as an outbox makes them.
    private func batch(_ numbers: ClosedRange<UInt64>, unanswered: Int = 0) throws -> PublishOutbox.Batch {
        let outbox = PublishOutbox(limits: .init(count: 1024, bytes: 1 << 20), isOfProducer: true) {}
        outbox.begin(at: ProducerPosition(epoch: 1, next: numbers.lowerBound))
        for number in numbers {
            let data = Array(String(repeating: "1", count: Int(number)).utf8)
            try data.withUnsafeBytes { data in
                for _ in 0..<unanswered {
                    _ = try outbox.add(topicField: [], data: data, retain: false, sink: nil, tag: 0)
                }
                _ = try outbox.add(topicField: [], data: data, retain: false, sink: Sink(), tag: number)
            }
        }
        return try #require(outbox.fetch())
    }

    private func texts(_ unsettled: UnsettledPublishes, from number: UInt64) throws -> [String] {
        var buffer = ByteBuffer()
        unsettled.forEach(from: number) { _, frame in buffer.writeBytes(frame) }
        return try buffer.texts()
    }

    private func text(_ number: Int) -> String {
        #"{"op":"pub","seq":\#(number)\#(String(repeating: "1", count: number))}"#
    }

    @Test(arguments: [0, 2])
    func theFramesOfWhatIsLeftAreThereToSendAgain(unanswered: Int) throws {
        var unsettled = UnsettledPublishes()
        let (first, second) = (try self.batch(1...3, unanswered: unanswered), try self.batch(4...5))
        unsettled.append(first.pending, in: first.frames)
        unsettled.append(second.pending, in: second.frames)
        #expect(try self.texts(unsettled, from: 0) == (1...5).map(self.text))
        #expect(unsettled.popFirst(through: 0) == nil)
        #expect(unsettled.popFirst(through: 2)?.number == 1)
        #expect(unsettled.popFirst(through: 2)?.number == 2)
        #expect(unsettled.popFirst(through: 2) == nil)
        #expect(try self.texts(unsettled, from: 0) == (3...5).map(self.text))
        #expect(try self.texts(unsettled, from: 5) == [self.text(5)])
        #expect(unsettled.popFirst(through: 3)?.number == 3)
        #expect(try self.texts(unsettled, from: 0) == (4...5).map(self.text))
        #expect(unsettled.firstNumber(from: 5) == 5)
        #expect(unsettled.firstNumber(from: 6) == nil)
        #expect(unsettled.popFirst(through: 9)?.number == 4)
        #expect(unsettled.popFirst(through: 9)?.number == 5)
        #expect(unsettled.isEmpty)
    }
}
