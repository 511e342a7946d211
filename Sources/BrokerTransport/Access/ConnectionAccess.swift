package import BrokerCore
import BrokerWire
package import Logging
import NIOCore
import Synchronization

/// Who is let in, and as whom: what connections ask when they come, and what a reload exchanges.
package final class ConnectionAccess: Sendable {
    package struct Policy: Sendable {
        package var rules = AccessRules()
        /// Whether a token may stand in the query, where it ends up in the logs of proxies.
        package var allowsQueryToken = false
        package var origins = OriginPolicy()
        package var proxies = ProxyPolicy()

        package init() {}

        /// Whether clients without credentials are let in.
        package var allowsAnonymous: Bool { !self.rules.anonymous.isEmpty }
    }

    private let authenticator: (any Authenticator)?
    private let failedLogins: FailedLogins
    private let wallClock: @Sendable () -> UInt64
    private let logger: Logger
    /// Who was sent away.
    package let refusals = RefusalCounts()
    private let current: Mutex<Policy>

    /// - `authenticator`: `nil` where no credentials are configured: whoever shows some is refused.
    /// - `wallClock`: Milliseconds since 1970.
    package init(
        _ policy: Policy = Policy(),
        authenticator: (any Authenticator)? = nil,
        failedLogins: FailedLogins = FailedLogins(limit: 0),
        logger: Logger = Logger(label: "access") { _ in SwiftLogNoOpLogHandler() },
        wallClock: @escaping @Sendable () -> UInt64
    ) {
        self.authenticator = authenticator
        self.failedLogins = failedLogins
        self.logger = logger
        self.wallClock = wallClock
        self.current = Mutex(policy)
    }

    package var policy: Policy { self.current.withLock { $0 } }

    package func change(to policy: Policy) { self.current.withLock { $0 = policy } }

    /// Who a client is that shows `credentials`. Somebody who was wrong too often is not even asked.
    ///
    /// - `address`: Where it comes from, without the port.
    /// - `isKnown`: Whether it has shown others before that were taken: then it does not have to wait for what its
    ///   neighbours got wrong. What it gets wrong itself counts, and costs it the connection.
    package func identity(
        of credentials: Credentials,
        from address: String,
        isKnown: Bool = false
    ) async -> Result<Identity, AuthenticationFailure> {
        if let seconds = self.failedLogins.isBlocked(address, isKnown: isKnown, at: .now()) {
            self.refusals.add(.attempts)
            let reason = "wrong credentials came from this address too often (limits.failedLoginsPerMinute)"
            return .failure(AuthenticationFailure(.rateLimited, reason, retryAfterSeconds: seconds))
        }
        guard let authenticator = self.authenticator else {
            self.refusals.add(.credentials)
            return .failure(
                AuthenticationFailure(.tokenInvalid, "this broker has no tokens; connect without one (auth)")
            )
        }
        do throws(AuthenticationFailure) {
            return .success(try await authenticator.identity(of: credentials, at: self.wallClock()))
        } catch {
            guard error.code != .restarting else { return .failure(error) }
            self.refusals.add(.credentials)
            self.noteFailure(of: credentials, from: address, error)
            return .failure(error)
        }
    }

    /// Counts it, and writes a line for each that is counted: an address has few in a minute.
    private func noteFailure(of credentials: Credentials, from address: String, _ failure: AuthenticationFailure) {
        let verdict = self.failedLogins.failed(address, with: credentials.hashValue, at: .now())
        let metadata: Logger.Metadata = ["address": "\(address)", "reason": "\(failure.reason)"]
        if verdict.isNew { self.logger.notice("credentials were not taken", metadata: metadata) }
        if let seconds = verdict.blockedSeconds {
            self.logger.warning(
                "too many wrong credentials from an address: it has to wait (limits.failedLoginsPerMinute)",
                metadata: ["address": "\(address)", "seconds": "\(seconds)"]
            )
        }
    }

    /// Counts a TLS handshake that came to nothing. Whoever scans the net makes many, so the line is for who looks.
    func noteFailedHandshake(from address: String, _ cause: String) {
        self.refusals.add(.handshake)
        self.logger.debug("a TLS handshake failed", metadata: ["address": "\(address)", "cause": "\(cause)"])
    }

    /// What a client is told that has to say who it is.
    package static let unauthenticated = AuthenticationFailure(
        .unauthenticated,
        "a token is needed: in 'Authorization: Bearer', or in 'token' of 'hello'"
    )
}
