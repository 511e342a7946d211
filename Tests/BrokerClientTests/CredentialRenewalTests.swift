import Testing

@testable import BrokerClient

@Suite("Credential renewal")
struct CredentialRenewalTests {
    @Test func whatTheBrokerKnowsIsNotSent() {
        var renewal = CredentialRenewal(token: "a")
        #expect(renewal.offer(.token("a")) == nil)
        #expect(renewal.offer(.none) == nil)
        #expect(renewal.offer(.user("u", password: "a")) == nil)
        #expect(renewal.accepted() == false)
        #expect(renewal.refused() == false)
        #expect(renewal.offer(.token("b")) == "b")
        // One at a time: the answer has no number.
        #expect(renewal.offer(.token("c")) == nil)
        #expect(renewal.accepted() == true)
        #expect(renewal.accepted() == false)
        #expect(renewal.offer(.token("b")) == nil)
        #expect(renewal.offer(.token("a")) == "a")
    }

    @Test func whatWasRefusedIsNotInUse() {
        var renewal = CredentialRenewal(token: "a")
        #expect(renewal.offer(.token("b")) == "b")
        #expect(renewal.refused() == true)
        #expect(renewal.refused() == false)
        #expect(renewal.accepted() == false)
        #expect(renewal.offer(.token("a")) == nil)
        #expect(renewal.offer(.token("b")) == "b")
    }

    @Test func whoHadNoTokenMayGetOne() {
        var renewal = CredentialRenewal()
        #expect(renewal.offer(.user("u", password: "a")) == "a")
    }
}
