import BrokerTransport
import BrokerWire
import HTTPTypes
import Hummingbird

/// Which pages may use the interface: those that come from here, and those of the origins in the configuration.
struct Origins: Sendable {
    let access: ConnectionAccess
    let isSecure: Bool
    /// Whether only this machine reaches the listener, which pages must not open to others.
    let isLocal: Bool

    /// What a page may send and see beside what every page may.
    private static let requestFields = "Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Authorization"
    private static let responseFields = "ETag, Retry-After"

    /// Why a request is not carried out, if a page has sent it that may not.
    ///
    /// Reading needs nothing here: a browser does not show the answer to a page that is not named in it.
    func refusal(of request: Request) -> HTTPRefusal? {
        guard let origin = request.headers[.origin], !self.isAllowed(origin, request),
            ![.get, .head].contains(request.method)
        else { return nil }
        self.access.refusals.add(.origin)
        return Self.refusal(origin)
    }

    /// Why a request is not answered that a page may have sent which has made its own name point here (DNS rebinding).
    ///
    /// Such a page reads as if it were ours, and sends no `Origin` then. It has no credentials, and asks for a name
    /// that nobody has listed, so only that is refused; what a proxy of ours passes on has its name.
    func hostRefusal(of request: Request, from address: String) -> HTTPRefusal? {
        let policy = self.access.policy
        let host = request.head.authority ?? ""
        guard self.isLocal, !self.isSecure, request.headers[.authorization] == nil, !policy.proxies.isProxy(address),
            !policy.origins.isKnown(host: host)
        else { return nil }
        self.access.refusals.add(.origin)
        let reason = """
            '\(host)' is not known as a name of this broker; the operator can list http://\(host), or https://\(host) \
            where a proxy does TLS (origins)
            """
        return HTTPRefusal(.init(.forbidden, reason))
    }

    private static func refusal(_ origin: String) -> HTTPRefusal {
        HTTPRefusal(.init(.forbidden, "pages of '\(origin)' are not allowed here (origins)"))
    }

    /// The answer to a browser's question whether a page may send a request.
    func preflight(_ request: Request, methods: String) -> Response {
        var response = Response(status: .noContent, headers: [.allow: methods])
        guard let origin = request.headers[.origin] else { return response }
        guard self.isAllowed(origin, request) else { return Self.refusal(origin).response }
        response.headers[.accessControlAllowMethods] = methods
        response.headers[.accessControlAllowHeaders] = Self.requestFields
        response.headers[.accessControlMaxAge] = "600"
        self.add(to: &response, request)
        return response
    }

    /// Lets the page that has asked see the answer, if it may.
    func add(to response: inout Response, _ request: Request) {
        let allowed = self.access.policy.origins.allowed
        if !allowed.isEmpty { response.headers[.vary] = "Origin" }
        guard let origin = request.headers[.origin], allowed.contains(origin) else { return }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlExposeHeaders] = Self.responseFields
    }

    private func isAllowed(_ origin: String, _ request: Request) -> Bool {
        let host = request.head.authority ?? ""
        return self.access.policy.origins.allows(origin, host: host, isSecure: self.isSecure)
    }

    /// What is wrong with an origin in the configuration, if anything is: what browsers never send can never match.
    static func problem(_ origin: String) -> String? {
        let wrong = "'\(origin)' is no origin, such as https://example.com or http://localhost:3000"
        let parts = origin.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let ownPort = ["http": 80, "https": 443][String(parts[0])],
            parts[1].utf8.allSatisfy(Self.isOfAddress)
        else { return wrong }
        // Of an address in brackets, what is behind them.
        let start = parts[1].lastIndex(of: "]") ?? parts[1].startIndex
        let colon = parts[1][start...].firstIndex(of: ":") ?? parts[1].endIndex
        let host = parts[1][..<colon]
        guard !host.isEmpty else { return wrong }
        guard colon < parts[1].endIndex else { return nil }
        let digits = parts[1][colon...].dropFirst()
        guard let port = Int(digits), String(port) == digits else { return wrong }
        guard (1...65535).contains(port) else {
            return "'\(origin)' has no port that there is; write one from 1 to 65535, or none for \(ownPort)"
        }
        guard port != ownPort else {
            return "browsers leave the port of \(parts[0]) out; write '\(parts[0])://\(host)'"
        }
        return nil
    }

    /// Names in lower case, addresses, and a port.
    private static func isOfAddress(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A, 0x2D, 0x2E, 0x3A, 0x5B, 0x5D: true
        default: false
        }
    }
}
