/// Who is at the other end of a connection, for people.
package struct PeerDescription: Hashable, Sendable {
    /// The address and the port.
    package var address: String
    /// What the client says that it is; not checked.
    package var client: String

    package init(address: String, client: String = "") {
        self.address = address
        self.client = client
    }
}
