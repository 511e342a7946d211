import BrokerTestKit
import Foundation
import Testing

@testable import BrokerTransport

/// What the files of TLS have to hold, and what is said if they do not.
@Suite("TLS material")
struct TLSMaterialTests {
    private static func now() -> UInt64 { UInt64(Date().timeIntervalSince1970 * 1000) }

    private static func settings(_ certificate: String, _ key: String, _ authorities: String = "") -> TLSSettings {
        var settings = TLSSettings()
        settings.certificate = certificate
        settings.key = key
        settings.clientAuthorities = authorities
        settings.clients = authorities.isEmpty ? .none : .required
        return settings
    }

    private static func problems(_ settings: TLSSettings) -> [String] {
        do throws(TLSFileError) {
            _ = try TLSMaterial(reading: settings, at: Self.now())
            return []
        } catch {
            return error.problems.map { "\($0.setting.rawValue): \($0.text)" }
        }
    }

    @Test func everythingThatCanNotBeReadIsNamedAtOnce() {
        #expect(
            Self.problems(Self.settings("/nothing/c", "/nothing/k", "/nothing/a")) == [
                "certificate: '/nothing/c' can not be read: No such file or directory",
                "key: '/nothing/k' can not be read: No such file or directory",
                "clientAuthorities: '/nothing/a' can not be read: No such file or directory",
            ]
        )
    }

    @Test func filesThatHoldSomethingElseAreNamed() async throws {
        let files = try await TestCertificates.make()
        let (certificate, key) = (files.certificate("server"), files.key("server"))
        #expect(Self.problems(Self.settings(key, key)) == ["certificate: '\(key)' holds no certificate in PEM"])
        #expect(
            Self.problems(Self.settings(certificate, certificate)) == [
                "key: '\(certificate)' holds no key in PEM, or one that a password protects"
            ]
        )
        #expect(
            Self.problems(Self.settings(certificate, key, key)) == [
                "clientAuthorities: '\(key)' holds no certificate in PEM"
            ]
        )
        let other = files.key("renewed")
        #expect(
            Self.problems(Self.settings(certificate, other)) == [
                "key: '\(other)' does not belong to the certificate in '\(certificate)'"
            ]
        )
        #expect(Self.problems(Self.settings(certificate, key, files.certificate("ca"))) == [])
    }

    @Test func aKeyThatEverybodyReadsIsAWarning() async throws {
        let files = try await TestCertificates.make()
        let settings = Self.settings(files.certificate("server"), files.key("server"))
        for (rights, count) in [(0o600, 0), (0o640, 0), (0o604, 1), (0o400, 0)] {
            try FileManager.default.setAttributes([.posixPermissions: rights], ofItemAtPath: settings.key)
            let warnings = try TLSMaterial(reading: settings, at: Self.now()).warnings
            #expect(warnings.count == count, "\(String(rights, radix: 8))")
            #expect(warnings.allSatisfy { $0.setting == .key && $0.text.contains("chmod o=") })
        }
    }

    @Test func aCertificateThatIsNotValidNowIsAWarning() async throws {
        let files = try await TestCertificates.make()
        let expired = Self.settings(files.certificate("expired"), files.key("expired"))
        let warnings = try TLSMaterial(reading: expired, at: Self.now()).warnings
        #expect(warnings.contains { $0.setting == .certificate && $0.text.contains("has expired") })
        let early = try TLSMaterial(reading: Self.settings(files.certificate("server"), files.key("server")), at: 0)
        #expect(early.warnings.contains { $0.setting == .certificate && $0.text.contains("not valid yet") })
    }
}
