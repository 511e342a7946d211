/// Who a certificate is about and by, as far as that is needed to say what is wrong with it.
///
/// The TLS library verifies certificates; but that one is self-signed, which is what people meet most, it does not
/// tell.
enum CertificateNames {
    /// Whether a certificate in DER names the same issuer and subject (RFC 5280, section 4.1).
    static func isSelfIssued(_ bytes: [UInt8]) -> Bool {
        guard let certificate = Self.element(in: bytes[...]), let signed = Self.element(in: certificate.content) else {
            return false
        }
        var rest = signed.content
        var names: [ArraySlice<UInt8>] = []
        // [version], serial number, algorithm, issuer, validity, subject.
        var place = 0
        while names.count < 2, let element = Self.element(in: rest) {
            rest = rest[element.content.endIndex...]
            if place == 0, element.tag == Self.versionTag { continue }
            if place == 2 || place == 4 { names.append(element.content) }
            place += 1
        }
        return names.count == 2 && names[0] == names[1]
    }

    private static let versionTag: UInt8 = 0xA0

    private static func element(in bytes: ArraySlice<UInt8>) -> (tag: UInt8, content: ArraySlice<UInt8>)? {
        var rest = bytes
        guard let tag = rest.popFirst(), let first = rest.popFirst() else { return nil }
        var length = Int(first)
        if first & 0x80 != 0 {
            let count = Int(first & 0x7F)
            // Longer than any message that the broker could have sent it in.
            guard (1...3).contains(count), rest.count >= count else { return nil }
            length = rest.prefix(count).reduce(0) { $0 << 8 | Int($1) }
            rest = rest.dropFirst(count)
        }
        guard rest.count >= length else { return nil }
        return (tag, rest.prefix(length))
    }
}
