import BrokerCore
import BrokerWire
import Testing

@testable import BrokerTransport

/// Where a token stands in a request, and what a connection takes as a later one.
@Suite("Credentials of a request")
struct CredentialsTests {
    private static func token(
        _ fields: [String: [String]] = [:],
        query: String? = nil,
        allowsQuery: Bool = true
    ) throws(Credentials.Unreadable) -> String? {
        try Credentials.token(query: query.map { $0[...] }, allowsQuery: allowsQuery) { fields[$0] ?? [] }
    }

    @Test func theHeaderCountsBeforeTheSubprotocolAndThatBeforeTheQuery() throws {
        let header = ["Authorization": ["Bearer a"]]
        let offer = ["Sec-WebSocket-Protocol": ["wsbroker.v1.json , bearer.b ,x"]]
        #expect(try Self.token(header.merging(offer) { $1 }, query: "token=c") == "a")
        #expect(try Self.token(offer, query: "token=c") == "b")
        #expect(try Self.token(["Sec-WebSocket-Protocol": ["wsbroker.v1.json", "bearer.b"]]) == "b")
        #expect(try Self.token(query: "x=1&token=c&token=d") == "c")
        #expect(try Self.token(query: "xtoken=c") == nil)
        #expect(try Self.token(query: nil) == nil)
    }

    /// Who sends one is not somebody without.
    @Test func aTokenInAQueryThatTakesNoneIsAnError() throws {
        #expect(throws: Credentials.Unreadable.self) { try Self.token(query: "x=1&token=c", allowsQuery: false) }
        #expect(try Self.token(query: "x=1&xtoken=c", allowsQuery: false) == nil)
        #expect(try Self.token(["Authorization": ["Bearer a"]], query: "token=c", allowsQuery: false) == "a")
    }

    @Test(arguments: [
        ("Bearer a.b.c", "a.b.c"), ("BEARER  x", "x"), ("Bearer ", ""), ("Bearer", ""),
        ("Basic bWU6c2VjcmV0", "secret"),
        ("basic OnRvazplbg==", "tok:en"),
    ])
    func aFieldHoldsAToken(field: String, token: String) throws {
        #expect(try Self.token(["Authorization": [field]]) == token)
    }

    @Test(arguments: ["", "Digest x", "a.b.c", "Basic bWU", "Basic !!!!", "Basic bWU=", "Basic /////w=="])
    func whatIsNoneIsNotTakenForNone(field: String) {
        #expect(throws: Credentials.Unreadable.self) { try Self.token(["Authorization": [field]]) }
    }

    @Test func twoFieldsAreNotGuessedBetween() {
        #expect(throws: Credentials.Unreadable.self) { try Self.token(["Authorization": ["Bearer a", "Bearer a"]]) }
    }

    // MARK: Later tokens

    private static func identity(_ name: String) -> Identity { Identity(name: name, proof: .token(sha256: [1])) }

    private static func login(_ identity: Identity?, hasSpoken: Bool = false) -> ClientLogin {
        var login = ClientLogin(access: ConnectionAccess { 0 }, Admission(address: "", identity: identity))
        login.hasSpoken = hasSpoken
        return login
    }

    @Test(arguments: [
        // (who it is so far, whether it has asked for something, who the token says that it is, what comes of it)
        (nil, false, "a", "new"), ("anonymous", false, "a", "new"), ("anonymous", true, "a", "refused"),
        ("a", false, "a", "renewed"), ("a", true, "a", "renewed"), ("a", false, "b", "refused"),
    ])
    func aConnectionIsOnePersonForItsLife(before: String?, hasSpoken: Bool, name: String, outcome: String) {
        let identity = before.map { $0 == "anonymous" ? .anonymous : Self.identity($0) }
        var login = Self.login(identity, hasSpoken: hasSpoken)
        switch login.accept(Self.identity(name)) {
        case .success(let step): #expect((step.isRenewal ? "renewed" : "new") == outcome)
        case .failure(let failure): #expect(failure.code == .forbidden && outcome == "refused")
        }
    }
}
