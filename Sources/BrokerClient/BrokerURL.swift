/// The text of a broker's URL while it is taken apart, and what to say when it is wrong.
///
/// It may hold a password, also where it is wrong, so no error shows what stands before an `@`.
struct BrokerURL {
    typealias Parts = (host: String, port: Int, path: String, isSecure: Bool, credentials: ClientCredentials)

    private let text: String

    init(_ text: String) {
        self.text = text
    }

    func parts() throws(ClientError) -> Parts {
        guard let schemeEnd = self.text.firstRange(of: "://") else {
            throw self.wrong("is not of the form ws://host:port/path")
        }
        let scheme = self.text[..<schemeEnd.lowerBound].lowercased()
        guard scheme == "ws" || scheme == "wss" else {
            throw self.wrong("does not begin with ws:// or wss://")
        }
        let rest = self.text[schemeEnd.upperBound...]
        let authorityEnd = rest.firstIndex { $0 == "/" || $0 == "?" || $0 == "#" } ?? rest.endIndex
        var authority = rest[..<authorityEnd]
        var credentials = ClientCredentials.none
        if let at = authority.lastIndex(of: "@") {
            credentials = try self.credentials(authority[..<at])
            authority = authority[authority.index(after: at)...]
        }
        let (host, port) = try self.hostAndPort(authority)
        let path = String(rest[authorityEnd...])
        guard path.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw self.wrong("holds white space or a control character in its path")
        }
        return (host, port, path.hasPrefix("/") ? path : "/" + path, scheme == "wss", credentials)
    }

    private func hostAndPort(_ text: Substring) throws(ClientError) -> (String, Int) {
        var host = text
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let bracket = text.firstIndex(of: "]") else { throw self.wrong("has '[' without ']'") }
            host = text[text.index(after: text.startIndex)..<bracket]
            let after = text[text.index(after: bracket)...]
            guard after.isEmpty || after.hasPrefix(":") else {
                throw self.wrong("has something other than a port behind ']'")
            }
            portText = after.isEmpty ? nil : after.dropFirst()
        } else if let colon = text.firstIndex(of: ":") {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        guard !host.isEmpty, host.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw self.wrong("names no host")
        }
        guard let portText else { return (String(host), BrokerAddress.defaultPort) }
        guard let port = Int(portText), (1...65_535).contains(port) else {
            throw self.wrong("has a port that is not a number from 1 to 65535")
        }
        return (String(host), port)
    }

    private func credentials(_ text: Substring) throws(ClientError) -> ClientCredentials {
        let colon = text.firstIndex(of: ":")
        let name = try self.decoded(text[..<(colon ?? text.endIndex)])
        guard !name.isEmpty else { throw self.wrong("names no user before '@'") }
        let password = try colon.map { index throws(ClientError) in try self.decoded(text[text.index(after: index)...])
        }
        let credentials = ClientCredentials.user(name, password: password ?? "")
        // What can not be sent is wrong here already.
        _ = try credentials.authorization()
        return credentials
    }

    /// Replaces `%41` by `A`; what a person typed without percent signs stays as it is.
    private func decoded(_ text: Substring) throws(ClientError) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let high = rest.popFirst().flatMap(Self.digit), let low = rest.popFirst().flatMap(Self.digit) else {
                throw self.wrong("has a '%' before '@' that is not followed by two hexadecimal digits")
            }
            bytes.append(high << 4 | low)
        }
        guard let decoded = String(validating: bytes, as: UTF8.self) else {
            throw self.wrong("holds something before '@' that is not UTF-8")
        }
        return decoded
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        UInt8(String(UnicodeScalar(byte)), radix: 16)
    }

    private func wrong(_ what: String) -> ClientError { ClientError(.invalidArgument, "'\(self.shown)' \(what)") }

    /// The text without what may be a user and a password: nobody knows where it was meant to begin.
    private var shown: String {
        guard let at = self.text.lastIndex(of: "@") else { return self.text }
        let scheme = self.text.firstRange(of: "://").map { self.text[..<$0.upperBound] } ?? ""
        return "\(scheme)***\(self.text[at...])"
    }
}
