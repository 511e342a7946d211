/// Who is at the other end of a connection, for people.
package struct PeerDescription: Hashable, Sendable {
    /// The address and the port; what a proxy of ours says, if there is one between, without a port.
    package var address: String
    /// That proxy's address and port.
    package var proxy: String?
    /// What the client says that it is; not checked.
    package var client: String

    package init(address: String, proxy: String? = nil, client: String = "") {
        self.address = address
        self.proxy = proxy
        self.client = client
    }
}
