/// Which token the broker knows a connection by, and which one it was offered instead; performs nothing.
struct CredentialRenewal {
    private var token: String?
    /// Sent, and not answered yet.
    private var offered: String?

    /// - `token`: What the connection is made with, if it is anything.
    init(token: String? = nil) {
        self.token = token
    }

    /// There are fresh credentials; returns the token to send, unless it says nothing new.
    mutating func offer(_ credentials: ClientCredentials) -> String? {
        guard self.offered == nil, let fresh = credentials.token, fresh != self.token else { return nil }
        self.offered = fresh
        return fresh
    }

    /// The broker said welcome once more; returns whether it has taken a token by that.
    mutating func accepted() -> Bool {
        guard let offered = self.offered else { return false }
        (self.token, self.offered) = (offered, nil)
        return true
    }

    /// The broker refused something that has no number; returns whether that was a token.
    mutating func refused() -> Bool {
        defer { self.offered = nil }
        return self.offered != nil
    }
}
