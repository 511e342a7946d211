import BrokerWire
import NIOCore
import Testing

@testable import BrokerClient

@Suite("Producer state machine")
struct ProducerStateMachineTests {
    private static let epoch: UInt64 = 7

    private func position(_ next: UInt64, refused: [UInt64] = []) -> ProducerPosition {
        ProducerPosition(epoch: Self.epoch, next: next, refused: refused)
    }

    /// A publisher that has sent publishes with the numbers 1 to `count`, whose tags are ten times as high.
    private func publisher(
        sent count: Int,
        _ producer: ClientConfiguration.Producer = .named("m")
    ) throws
        -> PublisherHarness
    {
        let publisher = try PublisherHarness(producer)
        _ = try publisher.welcomed(self.position(1))
        for number in 0..<count { #expect(try publisher.publish("1", tag: UInt64(10 * (number + 1))) == .added) }
        #expect(try publisher.drain().numbers() == Array(1..<count + 1))
        return publisher
    }

    private static let invalid = BrokerRefusal(number: 4004, name: "bad_value", reason: "")
    private static let full = BrokerRefusal(
        number: 4203,
        name: "storage_full",
        reason: "",
        retry: .later,
        afterMilliseconds: 2000
    )
    private static let bare = PublishOutcome.acknowledged(PublishAcknowledgement(offset: 0))
    private static let again = PublishOutcome.acknowledged(PublishAcknowledgement(offset: 0, isDuplicate: true))

    // MARK: Verdicts

    @Test func anAcknowledgementEndsAllUpToItsNumberAndOnlyItsOwnHasValues() throws {
        let publisher = try self.publisher(sent: 4)
        let own = PublishAcknowledgement(offset: 9, data: "3".bytes)
        publisher.acknowledged(3, own: own)
        #expect(publisher.outcomes.map(\.tag) == [10, 20, 30])
        #expect(publisher.outcomes.map(\.outcome) == [Self.bare, Self.bare, .acknowledged(own)])
        publisher.acknowledged(3, own: own)
        publisher.acknowledged(99)
        #expect(publisher.outcomes.count == 3, "nobody was sent that")
        #expect(publisher.machine.awaitsAnswer)
        publisher.acknowledged(4)
        #expect(!publisher.machine.awaitsAnswer)
    }

    @Test func aRefusalCountsWhenItIsAcknowledged() throws {
        let publisher = try self.publisher(sent: 3)
        publisher.refused(2, Self.invalid)
        #expect(publisher.outcomes.isEmpty)
        publisher.acknowledged(3, own: PublishAcknowledgement(offset: 2))
        let own = PublishOutcome.acknowledged(PublishAcknowledgement(offset: 2))
        #expect(publisher.outcomes.map(\.outcome) == [Self.bare, .refused(Self.invalid), own])
    }

    @Test func aRefusalThatWasNotAcknowledgedIsJudgedAnew() throws {
        let publisher = try self.publisher(sent: 2)
        publisher.refused(1, Self.invalid)
        publisher.connectionLost()
        #expect(try publisher.welcomed(self.position(1)).numbers() == [1, 2])
        publisher.acknowledged(2)
        #expect(publisher.outcomes.map(\.outcome) == [Self.bare, Self.bare])
    }

    // MARK: Names

    /// What was lost may still arrive, and would fence off the next connection.
    @Test func aNameThatWasDrawnAndNeverWelcomedIsNotSaidAgain() throws {
        let publisher = try PublisherHarness(.ephemeral)
        let first = publisher.machine.greeting.name
        publisher.connectionLost()
        let second = publisher.machine.greeting.name
        #expect(second != first)
        _ = try publisher.welcomed(self.position(1))
        publisher.connectionLost()
        #expect(publisher.machine.greeting.name == second, "from then on it has numbers")
    }

    @Test func aNameThatWasGivenStays() throws {
        let publisher = try PublisherHarness(.named("m"))
        publisher.connectionLost()
        #expect(publisher.machine.greeting.name == "m")
    }

    // MARK: Held

    @Test func whatIsRefusedForNowIsSentAgainFromThereInOrder() throws {
        let publisher = try self.publisher(sent: 4)
        publisher.acknowledged(1)
        publisher.refused(2, Self.full)
        #expect(publisher.machine.isHeld)
        #expect(publisher.waits.map(\.wait) == [.seconds(2)])
        #expect(try publisher.publish("1", tag: 50) == .added)
        #expect(publisher.drain().readableBytes == 0, "the broker would drop it")
        #expect(try publisher.waited().numbers() == [2, 3, 4, 5])
        #expect(!publisher.machine.isHeld)
        publisher.acknowledged(5)
        #expect(publisher.outcomes.map(\.tag) == [10, 20, 30, 40, 50])
    }

    @Test func aWaitOfALostConnectionIsOfNoEffect() throws {
        let publisher = try self.publisher(sent: 2)
        publisher.refused(1, Self.full)
        publisher.connectionLost()
        #expect(try publisher.welcomed(self.position(1)).numbers() == [1, 2])
        #expect(publisher.waited().readableBytes == 0)
    }

    @Test func aSecondRefusalOfWhatIsHeldChangesNothing() throws {
        let publisher = try self.publisher(sent: 3)
        publisher.refused(2, Self.full)
        publisher.refused(3, Self.full)
        publisher.refused(2, Self.full)
        #expect(publisher.waits.count == 1)
        #expect(try publisher.waited().numbers() == [2, 3])
        publisher.refused(2, Self.full)
        #expect(try publisher.waited().numbers() == [2, 3])
    }

    @Test(arguments: [(nil, .seconds(1)), (0, .milliseconds(100)), (86_400_000, .seconds(600))] as [(Int?, Duration)])
    func theWaitIsWithinReason(asked: Int?, wait: Duration) throws {
        let publisher = try self.publisher(sent: 1)
        publisher.refused(1, BrokerRefusal(number: 4201, name: "", reason: "", retry: .later, afterMilliseconds: asked))
        #expect(publisher.waits.map(\.wait) == [asked == nil ? .milliseconds(Refusal.retryMilliseconds) : wait])
    }

    // MARK: Reconnects

    /// Wherever the broker stands when the connection is back, each publish ends once and in order.
    @Test(arguments: 1...5 as ClosedRange<UInt64>)
    func afterALossWhatHasNoVerdictIsSentAgain(next: UInt64) throws {
        let publisher = try self.publisher(sent: 4)
        publisher.connectionLost()
        #expect(publisher.machine.greeting == .init(name: "m", epoch: Self.epoch))
        #expect(try publisher.welcomed(self.position(next)).numbers() == Array(Int(next)..<5))
        #expect(publisher.outcomes.map(\.outcome) == Array(repeating: Self.again, count: Int(next) - 1))
        publisher.acknowledged(4)
        #expect(publisher.outcomes.map(\.tag) == [10, 20, 30, 40])
    }

    @Test func whatWasRefusedUnheardIsSentAgainAndAllBehindIt() throws {
        let publisher = try self.publisher(sent: 5)
        publisher.connectionLost()
        #expect(try publisher.welcomed(self.position(5, refused: [2, 4])).numbers() == [2, 3, 4, 5])
        #expect(publisher.outcomes.map(\.outcome) == [Self.again])
        publisher.refused(2, Self.invalid)
        publisher.acknowledged(2)
        publisher.acknowledged(3, own: PublishAcknowledgement(offset: 3, isDuplicate: true))
        publisher.acknowledged(5)
        let third = PublishOutcome.acknowledged(PublishAcknowledgement(offset: 3, isDuplicate: true))
        #expect(
            publisher.outcomes.map(\.outcome) == [Self.again, .refused(Self.invalid), third, Self.bare, Self.bare]
        )
    }

    @Test func aRefusalThatWasHeardNeedsNoSecond() throws {
        let publisher = try self.publisher(sent: 3)
        publisher.refused(1, Self.invalid)
        publisher.connectionLost()
        #expect(try publisher.welcomed(self.position(3, refused: [1])).numbers() == [3])
        #expect(publisher.outcomes.map(\.outcome) == [.refused(Self.invalid), Self.again])
    }

    @Test func theHighestAcceptedNumberIsToldAndRefusedOnesAreNot() throws {
        let publisher = try self.publisher(sent: 3)
        publisher.acknowledged(1, own: PublishAcknowledgement(offset: 1))
        publisher.refused(2, Self.invalid)
        publisher.acknowledged(2)
        #expect(publisher.machine.greeting.acked == 1)
        publisher.connectionLost()
        _ = try publisher.welcomed(self.position(4, refused: [2]))
        #expect(publisher.machine.greeting.acked == 3)
    }

    @Test func afterARegressionTheNumbersGoOnBehindWhatWasAcknowledged() throws {
        let publisher = try self.publisher(sent: 4)
        publisher.acknowledged(3)
        publisher.connectionLost()
        var position = self.position(4, refused: [])
        position.regressed = .init(from: 2, to: 3)
        #expect(try publisher.welcomed(position).numbers() == [4])
        #expect(publisher.outcomes.map(\.outcome) == [Self.bare, Self.bare, Self.bare])
    }

    /// The numbers had their outcome, and leaving them out would be a gap.
    @Test func refusalsThatTheBrokerForgotAreUsedUpOnceMore() throws {
        let publisher = try self.publisher(sent: 4)
        publisher.acknowledged(1)
        for number in 2...3 as ClosedRange<UInt64> { publisher.refused(number, Self.invalid) }
        publisher.acknowledged(3)
        publisher.connectionLost()
        let texts = try publisher.welcomed(self.position(2)).texts()
        #expect(texts.map { $0.field("seq") } == ["2", "3", "4"])
        #expect(texts.map { $0.field("topic") } == [#""""#, #""""#, #""t""#])
        publisher.refused(2, Self.full)
        #expect(try publisher.waited().numbers() == [2, 3, 4])
        publisher.refused(2, Self.invalid)
        publisher.acknowledged(2)
        publisher.refused(3, Self.full)
        #expect(try publisher.waited().numbers() == [3, 4])
        publisher.acknowledged(4)
        #expect(publisher.outcomes.map(\.tag) == [10, 20, 30, 40])
        #expect(publisher.outcomes.last?.outcome == Self.bare)
    }

    // MARK: Limits

    @Test func moreThanTheWindowIsNeverUnderWay() throws {
        let publisher = try self.publisher(sent: 1024)
        #expect(try publisher.publish("1") == .full)
        publisher.acknowledged(1)
        #expect(try publisher.publish("1") == .added)
        #expect(try publisher.publish("1") == .full)
    }

    /// Otherwise every connection would end at it.
    @Test func whatBecameTooLargeForTheBrokerIsPassedOver() throws {
        let publisher = try self.publisher(sent: 2)
        publisher.connectionLost()
        publisher.messageBytesMax = 20
        let texts = try publisher.welcomed(self.position(2)).texts()
        #expect(texts == [#"{"op":"pub","seq":2,"topic":"","data":null}"#])
        publisher.refused(2, Self.invalid)
        publisher.acknowledged(2)
        #expect(publisher.outcomes.map(\.outcome).first == Self.again)
        guard case .notSent(let error) = publisher.outcomes.last?.outcome else {
            Issue.record("it is too large")
            return
        }
        #expect(error.code == .messageTooLarge)
    }

    // MARK: The end of a producer

    @Test func theEndLeavesEverythingUnknown() throws {
        let publisher = try self.publisher(sent: 2)
        publisher.refused(1, Self.invalid)
        publisher.end()
        #expect(publisher.outcomes.map(\.outcome) == [.unknown, .unknown])
    }

    @Test func anEphemeralProducerThatIsForgottenBeginsAsAnother() throws {
        let publisher = try self.publisher(sent: 1, .ephemeral)
        #expect(publisher.machine.canStartOver)
        let name = publisher.machine.greeting.name
        #expect(try publisher.publish("1", tag: 20) == .added)
        publisher.connectionLost()
        publisher.startOver()
        #expect(publisher.outcomes.map(\.outcome) == [.unknown, .notSent(ClientError(.closed, ""))])
        let greeting = publisher.machine.greeting
        #expect(greeting.name != name && greeting.name.hasPrefix("auto-") && greeting.name.utf8.count == 37)
        #expect(greeting.epoch == nil && greeting.acked == nil)
        _ = try publisher.welcomed(ProducerPosition(epoch: 99, next: 1))
        #expect(try publisher.publish("1", tag: 30) == .added)
        #expect(try publisher.drain().numbers() == [1])
    }

    @Test(arguments: [ClientConfiguration.Producer.named("m"), .resuming("m")])
    func aNamedOneIsNotReplaced(producer: ClientConfiguration.Producer) throws {
        #expect(try !PublisherHarness(producer).machine.canStartOver)
    }

    @Test func numbersThatSomebodyElseUsedEndIt() throws {
        let publisher = try self.publisher(sent: 2)
        publisher.connectionLost()
        let error = #expect(throws: ClientError.self) { try publisher.welcomed(self.position(4)) }
        #expect(error?.code == .producerTaken)
        let other = ProducerPosition(epoch: 8, next: 1)
        #expect(throws: ClientError.self) { try publisher.welcomed(other) }
    }

    /// The same command on the same file: what the other has sent needs no sending.
    @Test func whoReadsTheSameSourceIsNoStranger() throws {
        let publisher = try PublisherHarness(.resuming("m"))
        #expect(publisher.machine.greeting == .init(name: "m", resumes: true))
        _ = try publisher.welcomed(self.position(4))
        for number in 1...3 as ClosedRange<UInt64> { #expect(try publisher.publish("1", seq: number) == .settled) }
        #expect(try publisher.publish("1", seq: 4) == .added)
        #expect(try publisher.drain().numbers() == [4])
        publisher.connectionLost()
        #expect(publisher.machine.greeting == .init(name: "m", epoch: Self.epoch, resumes: true))
        _ = try publisher.welcomed(self.position(7))
        #expect(publisher.outcomes.map(\.outcome) == [Self.again])
        #expect(try publisher.publish("1", seq: 5) == .settled)
        #expect(try publisher.publish("1", seq: 7) == .added)
    }

    @Test func refusedPlacesAreJudgedAgainBeforeNewOnes() throws {
        let publisher = try PublisherHarness(.resuming("m"))
        _ = try publisher.welcomed(self.position(6, refused: [2, 5]))
        for number in [2, 5] as [UInt64] { #expect(try publisher.publish("1", seq: number) == .added) }
        #expect(try publisher.publish("1", seq: 6) == .full)
        #expect(try publisher.drain().numbers() == [2, 5])
        publisher.connectionLost()
        #expect(try publisher.welcomed(self.position(6, refused: [5])).numbers() == [5])
        publisher.acknowledged(5, own: PublishAcknowledgement(offset: 1))
        #expect(publisher.outcomes.map(\.tag) == [2, 5])
        #expect(try publisher.publish("1", seq: 6) == .added)
    }
}
