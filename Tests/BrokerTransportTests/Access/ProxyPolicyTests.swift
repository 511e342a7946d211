import Testing

@testable import BrokerTransport

/// Whose word about where a request comes from counts.
@Suite("Proxy policy")
struct ProxyPolicyTests {
    private static let policy = ProxyPolicy(
        trusted: ["10.0.0.0/8", "192.0.2.7", "2001:db8::/33"].compactMap(ProxyPolicy.Network.init)
    )

    @Test(arguments: [
        // A stranger can say what it likes.
        ("203.0.113.9", ["for=198.51.100.1"], "203.0.113.9"),
        ("10.1.2.3", ["for=198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("192.0.2.7", [#"proto=https;FOR="198.51.100.1:4711";by=192.0.2.7"#], "198.51.100.1"),
        ("192.0.2.8", ["for=198.51.100.1"], "192.0.2.8"),
        ("2001:db8:1::1", [#"for="[2001:db9::17]:4711""#], "2001:db9::17"),
        // What is before the last proxy that is ours, that one may have been told by anybody.
        ("10.1.2.3", ["for=1.1.1.1, for=198.51.100.1, for=10.9.9.9"], "198.51.100.1"),
        ("10.1.2.3", ["for=1.1.1.1", "for=198.51.100.1"], "198.51.100.1"),
        ("10.1.2.3", ["for=1.1.1.1, for=_hidden"], "10.1.2.3"),
        ("10.1.2.3", ["for=1.1.1.1, for=unknown, for=10.9.9.9"], "10.9.9.9"),
        ("10.1.2.3", ["for=\"\"", "nonsense", ";;=,"], "10.1.2.3"),
        ("10.1.2.3", ["for=10.9.9.9, for=10.8.8.8"], "10.9.9.9"),
    ])
    func aRequestComesFromTheLastAddressThatIsNoProxyOfOurs(peer: String, forwarded: [String], address: String) {
        #expect(Self.policy.address(of: peer, forwarded: forwarded) == address)
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.255.255", true), ("10.0.0.0/8", "11.0.0.0", false), ("10.0.0.0/8", "::1", false),
        ("192.168.4.0/22", "192.168.7.255", true), ("192.168.4.0/22", "192.168.8.0", false),
        ("0.0.0.0/0", "8.8.8.8", true), ("1.2.3.4/32", "1.2.3.5", false), ("2001:db8::/33", "2001:db8:8000::", false),
        ("2001:db8::/33", "2001:db8:7fff::", true),
    ])
    func aNetworkIsItsFirstBits(network: String, address: String, contains: Bool) throws {
        #expect(try #require(ProxyPolicy.Network(network)).contains(address) == contains)
    }

    @Test(arguments: ["", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/-1", "10.0.0.0/8/8", "host", "10.0.0/8 "])
    func whatIsNoNetworkIsNone(text: String) { #expect(ProxyPolicy.Network(text) == nil) }
}
