import BrokerCore
// FoundationEssentials for the dates of certificates.
import FoundationEssentials
import SwiftASN1
import X509

extension PeerCertificate {
    /// Why a certificate says nothing about who shows it.
    enum Unusable: Error, Hashable {
        case unreadable
        case noName
        case longName
        case strangeName

        var reason: String {
            switch self {
            case .unreadable: "the client certificate can not be read"
            case .noName: "the client certificate has no URI, no DNS name and no common name"
            case .longName: "the client certificate's name has more than \(Identity.nameBytesMax) bytes"
            case .strangeName: "the client certificate's name has characters that a name must not have"
            }
        }
    }

    /// Reads a certificate that was verified.
    ///
    /// The first kind of name that is there is the one: a name that can not be used is no reason to take another.
    init(derEncoded bytes: [UInt8], signedBy authorities: Set<[UInt8]>) throws(Unusable) {
        let names: [GeneralName]
        let certificate: Certificate
        do {
            certificate = try Certificate(derEncoded: bytes)
            names = try certificate.extensions.subjectAlternativeNames.map(Array.init) ?? []
        } catch {
            throw .unreadable
        }
        let uri = names.lazy.compactMap { name -> String? in
            if case .uniformResourceIdentifier(let text) = name { text } else { nil }
        }.first
        let host = names.lazy.compactMap { name -> String? in
            if case .dnsName(let text) = name { text } else { nil }
        }.first
        var name = uri ?? host
        if name == nil { name = try Self.commonName(of: certificate) }
        let end = certificate.notValidAfter.timeIntervalSince1970
        let expires = UInt64(max(0, min(end, Self.lastSecond)) * 1000)
        self.init(name: try Self.checked(name), expires: expires, authorities: authorities)
    }

    /// The last second of the year 9999, which certificates that never end have.
    private static let lastSecond = 253_402_300_799.0

    /// The most specific one, which stands last.
    private static func commonName(of certificate: Certificate) throws(Unusable) -> String? {
        let values = certificate.subject.flatMap { part in
            part.filter { $0.type == .RDNAttributeType.commonName }.map(\.value)
        }
        guard let value = values.last else { return nil }
        guard let text = String(value) else { throw .strangeName }
        return text
    }

    private static func checked(_ name: String?) throws(Unusable) -> String {
        guard let name, !name.isEmpty else { throw .noName }
        guard name.utf8.count <= Identity.nameBytesMax else { throw .longName }
        // The replacement character stands where there was no UTF-8.
        let isStrange = name.unicodeScalars.contains { scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .unassigned, .privateUse: true
            default: scalar == "\u{FFFD}"
            }
        }
        guard !isStrange else { throw .strangeName }
        return name
    }
}
