package import BrokerWire
import Logging

/// Who sessions speak for, and what changes when that changes.
extension Broker {
    /// Says whom a session speaks for, before it says anything itself.
    package func opened(_ id: SessionID, as identity: Identity) {
        let session = self.session(id)
        guard self.admits(identity, session) else { return }
        session.speak(for: self.principal(identity))
        self.watchExpiry(of: session)
    }

    /// Whether an identity counts now; ends the session if it does not. It was shown a while ago, and the rules or the
    /// time may have gone on.
    private func admits(_ identity: Identity, _ session: CoreSession) -> Bool {
        if let expires = identity.expires, expires <= self.now.wall {
            self.end(session, .tokenExpired, "the credentials of '\(identity.name)' have ended")
            return false
        }
        guard self.isValid(identity) else {
            self.end(session, .tokenInvalid, "what '\(identity.name)' has shown does not count any more")
            return false
        }
        return true
    }

    /// All without credentials share one.
    private func principal(_ identity: Identity) -> Principal {
        identity == .anonymous ? self.anonymous : Principal(identity, self.access.permissions(of: identity))
    }

    /// Takes the credentials that a client gave in a later `hello`; what it says in it comes after this.
    package func renewed(_ id: SessionID, as identity: Identity) {
        let session = self.session(id)
        guard !session.isEnded, self.admits(identity, session) else { return }
        session.speak(for: self.principal(identity))
        self.watchExpiry(of: session)
        self.endForbiddenSubscriptions(of: session)
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
    package func end(_ id: SessionID, _ code: ErrorCode, _ reason: String, at now: BrokerTime) {
        self.now = now
        let session = self.session(id)
        guard !session.isEnded else { return }
        self.end(session, code, reason)
    }

    private func end(_ session: CoreSession, _ code: ErrorCode, _ reason: String) {
        let none = UnsafeRawBufferPointer(start: nil, count: 0)
        self.refuse(Refusal(code, reason), id: none, requestBytes: 0, session)
        session.isEnded = true
        self.close(session, code)
    }

    /// Puts other rules in force: for every session anew. Subscriptions that are not allowed any more end.
    ///
    /// - `isValid`: Whether what showed an identity still stands.
    package func changeAccess(_ access: AccessRules, at now: BrokerTime, isValid: @escaping (Identity) -> Bool) {
        self.now = now
        self.access = access
        self.isValid = isValid
        self.anonymous = Principal(.anonymous, access.permissions(of: .anonymous))
        for session in self.sessions.joined().compactMap(\.self) where !session.isEnded {
            let identity = session.principal.identity
            guard isValid(identity) else {
                let code = identity == .anonymous ? ErrorCode.unauthenticated : .tokenInvalid
                self.end(session, code, "what '\(identity.name)' has shown does not count any more")
                continue
            }
            let principal = self.principal(identity)
            guard principal.permissions != session.principal.permissions else { continue }
            session.speak(for: principal)
            self.endForbiddenSubscriptions(of: session)
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
