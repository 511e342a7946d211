/// What a listener has to be told about TLS. All files hold PEM.
package struct TLSSettings: Hashable, Sendable {
    /// Whether clients show a certificate of their own.
    package enum Clients: String, CaseIterable, Sendable {
        /// They are not asked for one.
        case none
        /// They may. One that can not be verified ends the handshake; none at all does not.
        case optional
        /// They have to.
        case required
    }

    /// The file of the certificate, followed by those between it and its authority; empty for no TLS.
    package var certificate = ""
    /// The file of the key that belongs to the certificate.
    package var key = ""
    /// The file of the authorities whose client certificates are taken.
    package var clientAuthorities = ""
    package var clients = Clients.none

    package init() {}

    /// Whether the listener speaks TLS at all.
    package var isOn: Bool { !self.certificate.isEmpty }
}
