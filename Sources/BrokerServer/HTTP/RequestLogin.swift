import BrokerCore
import BrokerTransport
import BrokerWire
import HTTPTypes
import Hummingbird

/// Finds out who has sent a request.
struct RequestLogin: Sendable {
    let access: ConnectionAccess

    /// Who it is, or the answer to somebody who has to say so and does not.
    ///
    /// - `peer`: The other end of its connection, without the port.
    func identity(of request: Request, from peer: String) async -> Result<Identity, HTTPRefusal> {
        let policy = self.access.policy
        let query = policy.allowsQueryToken ? request.uri.query.map { $0[...] } : nil
        let token: String?
        do throws(Credentials.Unreadable) {
            token = try Credentials.token(query: query) { name in
                HTTPField.Name(name).map { request.headers[values: $0] } ?? []
            }
        } catch {
            return .failure(HTTPRefusal(Refusal(.badEnvelope, error.reason)))
        }
        guard let token else {
            guard policy.allowsAnonymous else { return Self.refused(ConnectionAccess.unauthenticated) }
            return .success(.anonymous)
        }
        let forwarded = HTTPField.Name("Forwarded").map { request.headers[values: $0] } ?? []
        let address = policy.proxies.address(of: peer, forwarded: forwarded)
        switch await self.access.identity(of: Credentials(token: token), from: address) {
        case .success(let identity): return .success(identity)
        case .failure(let failure): return Self.refused(failure)
        }
    }

    private static func refused(_ failure: AuthenticationFailure) -> Result<Identity, HTTPRefusal> {
        var refusal = Refusal(failure.code, failure.reason)
        if let seconds = failure.retryAfterSeconds { refusal.afterMilliseconds = seconds * 1000 }
        return .failure(HTTPRefusal(refusal))
    }
}
