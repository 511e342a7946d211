import NIOCore
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Why TLS came to nothing, in words that say what somebody can do about it.
struct TLSFailure {
    /// The name that the certificate had to be for.
    let name: String
    /// Whether the client showed a certificate.
    let showsCertificate: Bool
    /// What the broker showed, as far as it came to that.
    let certificate: NIOSSLCertificate?

    /// What the library calls it, and what it means; the first that it names counts.
    private static let meanings = [
        ("CERTIFICATE_REQUIRED", "the broker demands a client certificate"),
        ("ALERT_UNKNOWN_CA", "the broker does not know the authority of the client's certificate"),
        ("ALERT_CERTIFICATE_EXPIRED", "the client's certificate has expired"),
        ("ALERT_BAD_CERTIFICATE", "the broker does not accept the client's certificate"),
        ("ALERT_CERTIFICATE_UNKNOWN", "the broker does not accept the client's certificate"),
        ("ALERT_CERTIFICATE_REVOKED", "the client's certificate has been revoked"),
        ("ALERT_ACCESS_DENIED", "the broker does not accept the client's certificate"),
        ("ALERT_UNRECOGNIZED_NAME", "there is no broker of that name"),
        ("WRONG_VERSION_NUMBER", "what answers does not speak TLS; is it ws:// rather than wss://?"),
        ("HTTP_REQUEST", "what answers does not speak TLS; is it ws:// rather than wss://?"),
        ("UNSUPPORTED_PROTOCOL", "the broker speaks no TLS from 1.2 on"),
        ("PROTOCOL_VERSION", "the broker speaks no TLS from 1.2 on"),
        ("EOF during handshake", "the connection was closed while TLS was being set up"),
    ]

    /// The reason, if `error` is one of TLS.
    func reason(_ error: any Error) -> String? {
        switch error {
        case let error as NIOSSLExtraError:
            switch error {
            case .failedToValidateHostname: return "the broker's certificate is not for '\(self.name)'"
            case .serverHostnameImpossibleToMatch: return "no certificate can be for '\(self.name)'"
            default: return "TLS failed: \(error)"
            }
        case NIOSSLError.unableToValidateCertificate:
            return "the broker's certificate is not for '\(self.name)'"
        case is NIOSSLError, is BoringSSLError:
            let text = "\(error)"
            if text.contains("CERTIFICATE_VERIFY_FAILED") {
                return "the broker's certificate can not be verified: \(self.verificationProblem)"
            }
            let meaning = Self.meanings.first { text.contains($0.0) }?.1
            return meaning ?? "TLS failed: \(text)"
        default:
            return nil
        }
    }

    /// What may be behind an `error` that is none of TLS: with TLS 1.3 a broker finds out that the certificate is
    /// missing when the client believes all is done, and its reset may overtake its reason.
    func hint(_ error: any Error) -> String {
        guard !self.showsCertificate, let error = error as? IOError, error.errnoCode == ECONNRESET else { return "" }
        return "; a broker that demands a client certificate may do this"
    }

    private var verificationProblem: String {
        guard let certificate = self.certificate else { return Self.untrusted }
        let now = time(nil)
        if now > certificate.notValidAfter { return "it has expired" }
        if now < certificate.notValidBefore { return "it is not valid yet" }
        guard let bytes = try? certificate.toDERBytes(), CertificateNames.isSelfIssued(bytes) else {
            return Self.untrusted
        }
        return "it is self-signed, and not trusted here"
    }

    private static let untrusted = "the authority that issued it is not trusted here"
}
