package import BrokerWire
import Logging

/// Who sessions speak for, and what changes when that changes.
extension Broker {
    /// Says whom a session speaks for, before it says anything itself.
    package func opened(_ id: SessionID, as identity: Identity) {
        let session = self.session(id)
        guard let identity = self.admitted(identity, session) else { return }
        session.speak(for: self.principal(identity))
        self.watchExpiry(of: session)
    }

    /// Takes the credentials that a client gave in a later `hello`; what it says in it comes after this.
    package func renewed(_ id: SessionID, as identity: Identity) {
        let session = self.session(id)
        guard !session.isEnded, let identity = self.admitted(identity, session) else { return }
        self.change(session, to: self.principal(identity))
    }

    /// An identity as it counts now, or `nil` if it does not, which ends the session. It was shown a while ago, and the
    /// rules or the time may have gone on.
    private func admitted(_ identity: Identity, _ session: CoreSession) -> Identity? {
        switch self.standing(identity) {
        case .counts(let identity):
            guard let expires = identity.expires, expires <= self.now.wall else { return identity }
            self.end(session, .tokenExpired, "the credentials of '\(identity.name)' have ended")
        case .ended:
            let code = identity == .anonymous ? ErrorCode.unauthenticated : .tokenInvalid
            self.end(session, code, "what '\(identity.name)' has shown does not count any more")
        case .isUnknown:
            let reason = "what '\(identity.name)' has shown is judged by something else now: connect again"
            self.end(session, .restarting, reason)
        }
        return nil
    }

    /// All without credentials share one.
    private func principal(_ identity: Identity) -> Principal {
        identity == .anonymous ? self.anonymous : Principal(identity, self.access.permissions(of: identity))
    }

    /// Lets a session do what its principal may now, and nothing else.
    private func change(_ session: CoreSession, to principal: Principal) {
        session.speak(for: principal)
        self.watchExpiry(of: session)
        self.endForbiddenSubscriptions(of: session)
        self.keepProducer(of: session)
    }

    // MARK: Credentials that end

    private func watchExpiry(of session: CoreSession) {
        session.isWarned = false
        guard session.principal.identity.expires != nil, !self.expiring.contains(session.id) else { return }
        self.expiring.append(session.id)
    }

    /// So long before its credentials end a client is told, in milliseconds.
    private static var expiryNotice: UInt64 { 30_000 }

    /// Ends the sessions whose credentials have ended, and warns those whose credentials end soon.
    func expireCredentials() {
        guard !self.expiring.isEmpty else { return }
        self.expiring.removeAll { id in
            guard let session = self.existingSession(id), !session.isEnded,
                let expires = session.principal.identity.expires
            else { return true }
            guard self.now.wall < expires else {
                self.end(session, .tokenExpired, "the credentials of '\(session.principal.name)' have ended")
                return true
            }
            let left = expires - self.now.wall
            guard left <= Self.expiryNotice, !session.isWarned else { return false }
            session.isWarned = true
            let batch = self.batch(session.pendingBatch)
            batch.hubs[Int(id.hub)].reply(HubEntry(.push, session: id)) {
                $0.writeNotice(.tokenExpired, afterMilliseconds: left)
            }
            return false
        }
    }

    /// Ends a session whose credentials do not stand any more, in its place among its answers.
    package func end(_ id: SessionID, _ refusal: Refusal, at now: BrokerTime) {
        self.now = now
        let session = self.session(id)
        guard !session.isEnded else { return }
        self.end(session, refusal)
    }

    func end(_ session: CoreSession, _ code: ErrorCode, _ reason: String) { self.end(session, Refusal(code, reason)) }

    private func end(_ session: CoreSession, _ refusal: Refusal) {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        self.refuse(refusal, id: none, requestBytes: 0, session)
        session.isEnded = true
        self.close(session, refusal.code)
    }

    /// Puts other rules in force: for every session anew. Subscriptions that are not allowed any more end.
    ///
    /// - `standing`: What has become of the credentials that somebody has shown.
    package func changeAccess(
        _ access: AccessRules,
        at now: BrokerTime,
        standing: @escaping (Identity) -> Standing
    ) {
        self.now = now
        self.access = access
        self.standing = standing
        self.anonymous = Principal(.anonymous, access.permissions(of: .anonymous))
        for session in self.sessions.joined().compactMap(\.self) where !session.isEnded {
            guard let identity = self.admitted(session.principal.identity, session) else { continue }
            let principal = self.principal(identity)
            guard principal != session.principal else { continue }
            self.change(session, to: principal)
        }
    }

    private func endForbiddenSubscriptions(of session: CoreSession) {
        let gone = session.filters.keys.filter { !session.principal.permissions.may(.subscribe, filter: $0) }
        for filter in gone.sorted(by: { $0.bytes.precedes($1.bytes) }) {
            self.endSubscription(filter, session)
            if session.snapshot?.filter == filter { self.refuseSnapshot(of: session) }
            let refusal = filter.bytes.withUnsafeBytes { Self.forbidden("subscribe to", $0, session) }
            self.counts.refused(refusal.code)
            let batch = self.batch(session.pendingBatch)
            batch.hubs[Int(session.id.hub)].reply(HubEntry(.push, session: session.id)) {
                $0.writeEnded(filter: filter.bytes, refusal.code, reason: refusal.reason)
            }
        }
    }

    /// Ends a subscription whose retained messages are still on their way.
    private func refuseSnapshot(of session: CoreSession) {
        guard let snapshot = session.snapshot else { return }
        session.snapshot = nil
        let refusal = snapshot.filter.bytes.withUnsafeBytes { Self.forbidden("subscribe to", $0, session) }
        snapshot.requestID.withUnsafeBytes { id in
            self.refuse(refusal, id: id, requestBytes: snapshot.requestBytes, flags: .resumes, session)
        }
    }

    static func forbidden(
        _ action: StaticString,
        _ topic: UnsafeRawBufferPointer,
        _ session: CoreSession
    ) -> Refusal {
        let name = String(decoding: topic, as: UTF8.self)
        return Refusal(.forbidden, "\(action) '\(name)' is not allowed for '\(session.principal.name)'")
    }
}
