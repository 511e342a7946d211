import BrokerTransport
import HTTPTypes
import Hummingbird

/// Keeps pages in a browser away from the admin listener, which on loopback asks nobody who they are.
///
/// A page of another origin says so in `Origin`. One that has made its own name point here, as DNS lets it, does not,
/// but then it asks for a host by a name with a dot in it.
struct BrowserGuard: Sendable {
    /// The host that the listener is configured with.
    let host: String

    struct Failure: Codable {
        var reason: String
    }

    /// The answer to a request that is not for pages, if a page may have sent it.
    func refusal(of request: Request) -> Response? {
        guard request.headers[.origin] == nil, self.isOurs(request.head.authority ?? "") else {
            return Self.refusal
        }
        return nil
    }

    static var refusal: Response {
        .json(.forbidden, encoding: Failure(reason: "this is not for pages in a browser"))
    }

    /// The same of a request with a body: a page can not send this type of content without asking first.
    func refusal(ofPost request: Request) -> Response? {
        if let refusal = self.refusal(of: request) { return refusal }
        guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
            let reason = "Content-Type has to be application/json"
            return .json(.unsupportedMediaType, encoding: Failure(reason: reason))
        }
        return nil
    }

    private func isOurs(_ authority: String) -> Bool {
        OriginPolicy.isLocal(authority) || authority.prefix { $0 != ":" } == self.host
    }
}
