import BrokerCore
import BrokerTransport
import BrokerWire
import HTTPTypes
import Hummingbird

/// Finds out who has sent a request.
struct RequestLogin: Sendable {
    let access: ConnectionAccess
    /// Whether the connection has TLS, and clients may have shown a certificate.
    let isSecure: Bool

    /// Who it is, or the answer to somebody who has to say so and does not.
    func identity(of request: Request, _ context: ClientContext) async -> Result<Identity, HTTPRefusal> {
        let certificate = self.isSecure ? await context.certificate() : nil
        let shown: Credentials?
        do throws(Credentials.Unreadable) {
            shown = try self.access.credentials(query: request.uri.query?[...], certificate: certificate) { name in
                HTTPField.Name(name).map { request.headers[values: $0] } ?? []
            }
        } catch {
            return .failure(HTTPRefusal(Refusal(.badEnvelope, error.reason)))
        }
        guard let credentials = shown else {
            guard self.access.policy.allowsAnonymous else {
                self.access.refusals.add(.credentials)
                return Self.refused(ConnectionAccess.unauthenticated)
            }
            return .success(.anonymous)
        }
        switch await self.access.identity(of: credentials, from: self.address(of: request, context)) {
        case .success(let identity): return .success(identity)
        case .failure(let failure): return Self.refused(failure)
        }
    }

    /// Where a request comes from, without the port.
    func address(of request: Request, _ context: ClientContext) -> String {
        let forwarded = HTTPField.Name("Forwarded").map { request.headers[values: $0] } ?? []
        return self.access.policy.proxies.address(of: context.address, forwarded: forwarded)
    }

    private static func refused(_ failure: AuthenticationFailure) -> Result<Identity, HTTPRefusal> {
        var answer = HTTPRefusal(failure.refusal)
        // The next request on this connection would be answered the same.
        if failure.code == .restarting { answer.headers[.connection] = "close" }
        return .failure(answer)
    }
}
