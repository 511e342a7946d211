package import BrokerCore

/// What the handshake of a client has shown.
package struct Admission: Sendable {
    /// Where it comes from, without the port: by what a proxy of ours says, if there is one between.
    package var address: String
    /// Who it is; `nil` while it still has to say so.
    package var identity: Identity?

    package init(address: String, identity: Identity? = nil) {
        self.address = address
        self.identity = identity
    }
}
