import NIOCore

/// What limits by address count an address as.
enum AddressNetwork {
    /// An IPv4 address is itself, also inside an IPv6 one; an IPv6 address is its /64, which one customer has all of.
    static func key(of address: String) -> String {
        guard address.contains(":"), let bytes = Self.bytes(of: address), bytes.count == 16 else { return address }
        if bytes.prefix(10).allSatisfy({ $0 == 0 }), bytes[10] == 0xff, bytes[11] == 0xff {
            return bytes.suffix(4).map { "\($0)" }.joined(separator: ".")
        }
        return bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: ":") + "::/64"
    }

    /// The 4 or 16 bytes of an address; `nil` if the text is none.
    static func bytes(of address: String) -> [UInt8]? {
        guard let parsed = try? SocketAddress(ipAddress: address, port: 0) else { return nil }
        switch parsed {
        // Family and port take four bytes; of the longer one, the flow four more.
        case .v4(let v4): return withUnsafeBytes(of: v4.address) { Array($0[4..<8]) }
        case .v6(let v6): return withUnsafeBytes(of: v6.address) { Array($0[8..<24]) }
        case .unixDomainSocket: return nil
        }
    }
}
