import Testing

@testable import BrokerTransport

/// Which pages may connect (cases H10 to H12 of the catalogue of bad input).
@Suite("Origin policy")
struct OriginPolicyTests {
    private static let policy = OriginPolicy(allowed: ["https://app.example.com"])

    @Test(arguments: [
        ("https://app.example.com", "broker.example.com", true), ("https://app.example.com", "", true),
        ("http://app.example.com", "broker.example.com", false),
        ("https://app.example.com:444", "broker.example.com", false),
        ("https://app.example.com.evil.io", "broker.example.com", false),
        ("https://evil-app.example.com", "broker.example.com", false), ("null", "broker.example.com", false),
        ("", "", false), ("http://", "", false),
        // The broker's own page.
        ("http://127.0.0.1:8181", "127.0.0.1:8181", true), ("http://localhost:8181", "localhost:8181", true),
        ("http://[::1]:8181", "[::1]:8181", true), ("http://127.0.0.1:8181", "127.0.0.1:8182", false),
        ("https://localhost:8181", "localhost:8181", false), ("http://nas:8181", "NAS:8181", true),
        // A name that somebody has made point here shows nothing.
        ("http://evil.example:8181", "evil.example:8181", false), ("http://1.evil.example", "1.evil.example", false),
    ])
    func withoutTLS(origin: String, host: String, isAllowed: Bool) {
        #expect(Self.policy.allows(origin, host: host, isSecure: false) == isAllowed)
    }

    @Test(arguments: [
        ("https://broker.example.com", "broker.example.com", true),
        ("http://broker.example.com", "broker.example.com", false),
        ("https://other.example.com", "broker.example.com", false),
    ])
    func withTLSTheCertificateShowsTheName(origin: String, host: String, isAllowed: Bool) {
        #expect(Self.policy.allows(origin, host: host, isSecure: true) == isAllowed)
    }
}
