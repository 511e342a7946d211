/// Which proxies are believed when they say for whom they ask (RFC 7239).
///
/// Anybody can send the header, so it counts only from the addresses of an operator's own proxies.
package struct ProxyPolicy: Hashable, Sendable {
    /// Addresses that begin with the same bits.
    package struct Network: Hashable, Sendable {
        private let bytes: [UInt8]
        private let bits: Int

        /// Reads `192.0.2.0/24`, `2001:db8::/32`, or one address; `nil` if it is none of these.
        package init?(_ text: String) {
            let parts = text.split(separator: "/", omittingEmptySubsequences: false)
            guard (1...2).contains(parts.count), let bytes = AddressNetwork.bytes(of: String(parts[0])) else {
                return nil
            }
            self.bytes = bytes
            guard parts.count == 2 else {
                self.bits = bytes.count * 8
                return
            }
            guard parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let bits = Int(parts[1]),
                bits <= bytes.count * 8
            else { return nil }
            self.bits = bits
        }

        func contains(_ address: String) -> Bool {
            guard let other = AddressNetwork.bytes(of: address), other.count == self.bytes.count else { return false }
            let (whole, rest) = self.bits.quotientAndRemainder(dividingBy: 8)
            guard other[..<whole] == self.bytes[..<whole] else { return false }
            return rest == 0 || (other[whole] ^ self.bytes[whole]) >> (8 - rest) == 0
        }
    }

    package var trusted: [Network]

    package init(trusted: [Network] = []) { self.trusted = trusted }

    /// Whether what is there speaks for others.
    package func isProxy(_ address: String) -> Bool { self.trusted.contains { $0.contains(address) } }

    /// Where a request comes from: the last address that no proxy of ours is behind.
    ///
    /// - `peer`: The other end of the connection.
    /// - `forwarded`: The values of `Forwarded`, one for each time that it stands there.
    package func address(of peer: String, forwarded: [String]) -> String {
        guard self.isProxy(peer) else { return peer }
        var address = peer
        for element in forwarded.flatMap({ $0.split(separator: ",") }).reversed() {
            // Each proxy adds to the end whom it has heard. One that is not ours may have invented what is before it.
            guard let client = Self.client(element) else { return address }
            address = client
            guard self.isProxy(client) else { return client }
        }
        return address
    }

    /// The address in `for=192.0.2.1;proto=https` or `for="[2001:db8::1]:4711"`; `nil` if it is hidden.
    private static func client(_ element: Substring) -> String? {
        for pair in element.split(separator: ";") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, parts[0].filter({ $0 != " " }).lowercased() == "for" else { continue }
            let value = parts[1].filter { $0 != "\"" && $0 != " " }
            let host = value.hasPrefix("[") ? value.dropFirst().prefix { $0 != "]" } : value.prefix { $0 != ":" }
            return AddressNetwork.bytes(of: String(host)) == nil ? nil : String(host)
        }
        return nil
    }
}
