import Testing

@testable import BrokerClient

@Suite("Connection state machine")
struct ConnectionStateMachineTests {
    private static let lost = ClientError(.connectionLost, "lost")

    private func machine(retriesFirst: Bool = false, hasFreshCredentials: Bool = false) -> ConnectionStateMachine {
        ConnectionStateMachine(
            backoff: ReconnectBackoff(base: .milliseconds(100), max: .seconds(30)),
            retriesFirst: retriesFirst,
            hasFreshCredentials: hasFreshCredentials
        )
    }

    private func open(at now: Duration = .zero, hasFreshCredentials: Bool = false) -> ConnectionStateMachine {
        var machine = self.machine(hasFreshCredentials: hasFreshCredentials)
        _ = machine.started()
        _ = machine.connected(at: now)
        return machine
    }

    private func end(
        _ machine: inout ConnectionStateMachine,
        _ error: ClientError = Self.lost,
        at now: Duration = .zero
    ) -> String {
        var random = FixedGenerator.highest
        switch machine.connectionEnded(error, at: now, using: &random) {
        case .connect(let wait): return "\(Int((wait / .milliseconds(1)).rounded()))"
        case .finish: return "finish"
        case .nothing: return "nothing"
        }
    }

    @Test func itConnectsOnce() {
        var machine = self.machine()
        #expect(machine.started() == true)
        #expect(machine.started() == false)
        #expect(!machine.canSend)
        #expect(machine.connected(at: .zero) == true)
        #expect(machine.canSend)
    }

    @Test func theFirstFailureIsTheLastUnlessToldOtherwise() {
        var strict = self.machine()
        _ = strict.started()
        #expect(self.end(&strict) == "finish")
        var patient = self.machine(retriesFirst: true)
        _ = patient.started()
        #expect(self.end(&patient) == "100")
        #expect(patient.waited() == true)
        #expect(self.end(&patient) == "200")
    }

    @Test func aLossIsFollowedByAnotherAttempt() {
        var machine = self.open()
        #expect(self.end(&machine) == "100")
        #expect(!machine.canSend)
        #expect(machine.waited() == true)
        #expect(machine.waited() == false)
        #expect(machine.connected(at: .zero) == true)
    }

    /// One that is closed right after each welcome must not come back ten times a second for ever.
    @Test(arguments: [(4999, "200"), (5000, "100")])
    func onlyAConnectionThatLastedStartsTheWaitsOver(milliseconds: Int, expected: String) {
        var machine = self.open()
        _ = self.end(&machine)
        _ = machine.waited()
        _ = machine.connected(at: .zero)
        #expect(self.end(&machine, at: .milliseconds(milliseconds)) == expected)
    }

    @Test func byeStopsSendingAndSaysWhenToComeBack() {
        var machine = self.open()
        machine.receivedBye(afterMilliseconds: 250)
        #expect(!machine.canSend)
        #expect(self.end(&machine) == "350")
    }

    @Test func byeIsNotBelievedForHours() {
        var machine = self.open()
        machine.receivedBye(afterMilliseconds: .max)
        #expect(self.end(&machine) == "600100")
    }

    @Test(arguments: [
        (ClientError(.closedByBroker, "", brokerCode: 4100), "finish"),
        (ClientError(.closedByBroker, "", brokerCode: 4199), "finish"),
        (ClientError(.closedByBroker, "", brokerCode: 4005), "finish"),
        (ClientError(.closedByBroker, "", brokerCode: 4304), "100"),
        (ClientError(.closedByBroker, "", brokerCode: 1012), "100"),
        (ClientError(.handshakeRefused, "", brokerCode: 400), "finish"),
        (ClientError(.handshakeRefused, "", brokerCode: 429), "100"),
        (ClientError(.handshakeRefused, "", brokerCode: 500), "100"),
        (ClientError(.handshakeRefused, "no broker"), "finish"),
        (ClientError(.protocolViolation, ""), "100"),
    ])
    func whatSomebodyHasToChangeFirstEndsIt(error: ClientError, expected: String) {
        var machine = self.open()
        #expect(self.end(&machine, error) == expected)
    }

    @Test(arguments: [
        (ClientError(.closedByBroker, "", brokerCode: 4100), false),
        (ClientError(.closedByBroker, "", brokerCode: 4101), true),
        (ClientError(.closedByBroker, "", brokerCode: 4102), true),
        (ClientError(.closedByBroker, "", brokerCode: 4103), false),
        (ClientError(.refused, "", brokerCode: 4101), true),
        (ClientError(.handshakeRefused, "", brokerCode: 401), true),
        (ClientError(.handshakeRefused, "", brokerCode: 403), false),
        (ClientError(.noCredentials, ""), true),
    ])
    func onlyFreshCredentialsMakeUpForOnesThatHaveEnded(error: ClientError, mayReconnect: Bool) {
        var fresh = self.open(hasFreshCredentials: true)
        #expect(self.end(&fresh, error) == (mayReconnect ? "100" : "finish"))
        guard error.code != .noCredentials else { return }
        var same = self.open()
        #expect(self.end(&same, error) == "finish")
        var first = self.machine(hasFreshCredentials: true)
        _ = first.started()
        #expect(self.end(&first, error) == "finish")
    }

    @Test func shutdownClosesAConnectionAndFinishesWithoutOne() {
        var open = self.open()
        #expect(open.shutDown() == .close)
        #expect(open.shutDown() == .nothing)
        #expect(self.end(&open) == "finish")
        #expect(self.end(&open) == "nothing")

        var waiting = self.open()
        _ = self.end(&waiting)
        #expect(waiting.shutDown() == .finish)
        #expect(waiting.waited() == false)

        var connecting = self.machine()
        _ = connecting.started()
        #expect(connecting.shutDown() == .close)
        #expect(connecting.connected(at: .zero) == false)

        var idle = self.machine()
        #expect(idle.shutDown() == .finish)
        #expect(idle.started() == false)
    }
}
