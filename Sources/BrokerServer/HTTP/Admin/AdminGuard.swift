import BrokerCore
import BrokerTransport
import BrokerWire
import HTTPTypes
import Hummingbird

/// Who may look at the broker and command it.
///
/// On loopback: whoever is on the machine, but no page in a browser. Elsewhere: who has the right `admin` to all of the
/// clients' topics.
struct AdminGuard: Sendable {
    let access: ConnectionAccess
    let browsers: BrowserGuard
    /// Whether only this machine reaches the listener.
    let isLocal: Bool

    /// Who sends a request, or the answer to somebody who may not.
    ///
    /// - `isCommand`: Whether it changes something.
    /// - `topics`: Those that say the same; who may subscribe to all of them may read it, too.
    func identity(
        of request: Request,
        _ context: ClientContext,
        isCommand: Bool,
        topics: TopicFilter? = nil
    ) async -> Result<Identity, AdminRefusal> {
        guard !self.isLocal else {
            let refusal = isCommand ? self.browsers.refusal(ofPost: request) : self.browsers.refusal(of: request)
            return refusal.map { .failure(AdminRefusal(response: $0)) } ?? .success(.administrator)
        }
        guard request.headers[.origin] == nil else { return .failure(AdminRefusal(response: BrowserGuard.refusal)) }
        let identity: Identity
        switch await RequestLogin(access: self.access, isSecure: false).identity(of: request, context) {
        case .failure(let refusal): return .failure(AdminRefusal(response: refusal.response))
        case .success(let known): identity = known
        }
        let permissions = self.access.policy.rules.permissions(of: identity)
        let mayRead = identity != .anonymous && topics.map { permissions.may(.subscribe, filter: $0) } ?? false
        guard permissions.mayWithAll(.admin) || mayRead else {
            let other = topics.map { ", or 'subscribe' to '\($0)'" } ?? ""
            let needed = "the right 'admin' to all topics\(other)"
            let reason = "this needs \(needed), which '\(identity.name)' does not have (auth.rules)"
            let response = HTTPRefusal(Refusal(.forbidden, reason)).response
            // Who is nobody may ask as often as it likes, and causes no line.
            return .failure(AdminRefusal(response: response, principal: identity == .anonymous ? nil : identity.name))
        }
        return .success(identity)
    }
}

/// What somebody is answered who may not.
struct AdminRefusal: Error {
    let response: Response
    /// Who it is, if that is known.
    var principal: String?
}
