import BrokerClient
import Testing

@testable import BrokerCommandLine

/// Swift Testing has a type of this name too.
typealias Status = BrokerCommandLine.ExitStatus

@Suite("Exit status")
struct ExitStatusTests {
    @Test func theNumbersArePublic() {
        #expect(Status.allCases.map(\.rawValue) == [0, 1, 2, 3, 4, 5, 6, 27, 76])
    }

    @Test(
        arguments: [
            (ClientError(.cannotConnect, ""), .cannotConnect),
            (ClientError(.handshakeRefused, "", brokerCode: 400), .cannotConnect),
            (ClientError(.handshakeRefused, "", brokerCode: 401), .refusedIdentity),
            (ClientError(.handshakeRefused, "", brokerCode: 403), .refusedIdentity),
            (ClientError(.closedByBroker, "", brokerCode: 4100), .refusedIdentity),
            (ClientError(.closedByBroker, "", brokerCode: 4105), .fenced),
            (ClientError(.producerTaken, ""), .fenced),
            (ClientError(BrokerRefusal(number: 4104, name: "", reason: "")), .fenced),
            (ClientError(BrokerRefusal(number: 4401, name: "", reason: "")), .refused),
            (ClientError(.closedByBroker, "", brokerCode: 4005), .runtime),
            (ClientError(BrokerRefusal(number: 4003, name: "", reason: "")), .refused),
            (ClientError(BrokerRefusal(number: 4103, name: "", reason: "")), .refusedIdentity),
            (ClientError(BrokerRefusal(number: 4205, name: "", reason: "")), .runtime),
            (ClientError(.messageTooLarge, ""), .refused),
            (ClientError(.slowConsumer, ""), .runtime),
        ] as [(ClientError, Status)]
    )
    func anErrorHasItsStatus(error: ClientError, status: Status) {
        #expect(Status(error) == status)
    }

    private static let acknowledged = PublishOutcome.acknowledged(PublishAcknowledgement(offset: 1))
    private static let invalid = Self.refused(4004)

    private static func refused(_ number: UInt16) -> PublishOutcome {
        .refused(BrokerRefusal(number: number, name: "name", reason: "reason"))
    }

    @Test(
        arguments: [
            ([], .success),
            ([Self.acknowledged], .success),
            ([Self.acknowledged, Self.invalid], .refused),
            ([Self.refused(4404)], .refused),
            ([Self.refused(4203)], .runtime),
            ([Self.refused(4203), Self.invalid], .refused),
            ([Self.invalid, Self.refused(4103), Self.invalid], .refusedIdentity),
            ([Self.unknown, Self.refused(4103)], .unknown),
            ([Self.refused(4204)], .unknown),
            ([.notSent(ClientError(.closedByBroker, "", brokerCode: 4100))], .refusedIdentity),
        ] as [([PublishOutcome], Status)]
    )
    func theGravestOutcomeDecides(outcomes: [PublishOutcome], status: Status) {
        var tally = PublishTally()
        for outcome in outcomes { _ = tally.add(outcome) }
        #expect(tally.status == status)
    }

    private static let unknown = PublishOutcome.unknown

    @Test func whatAPersonHasToKnowIsSaid() {
        var tally = PublishTally()
        #expect(tally.add(Self.acknowledged) == nil)
        #expect(tally.add(.unknown) == "outcome unknown: sent and not acknowledged")
        #expect(tally.add(Self.invalid) == "refused: 4004 name: reason")
        #expect(tally.add(Self.refused(4204)) == "outcome unknown: 4204 name: reason")
        tally.addRefusedHere()
        #expect(tally.acknowledged == 1)
        #expect(tally.unknown == 2)
        #expect(tally.refused == 2)
    }

    @Test func freshCredentialsAreNewsOnlyWhereThereAreNone() {
        let reports = ConnectionReports(name: "wssub")
        let failure = ClientError(.noCredentials, "there are no fresh credentials: why")
        #expect(reports.line(for: .credentialsRenewed) == nil)
        #expect(
            reports.line(for: .renewalFailed(failure))
                == "wssub: the credentials are not renewed: there are no fresh credentials: why"
        )
        #expect(ExitStatus(failure) == .runtime)
    }

    @Test func aLossIsSaidOnceAndItsEndToo() {
        let reports = ConnectionReports(name: "wssub")
        let lost = ClientEvent.disconnected(ClientError(.connectionLost, "lost"), retryAfter: .zero)
        let refused = ClientEvent.disconnected(ClientError(.cannotConnect, "no"), retryAfter: .zero)
        let lines = [.connected, lost, refused, refused, .connected, lost].map { reports.line(for: $0) }
        #expect(
            lines == [
                nil, "wssub: lost; trying again", "wssub: no; trying again", nil, "wssub: connected again",
                "wssub: lost; trying again",
            ]
        )
    }
}
