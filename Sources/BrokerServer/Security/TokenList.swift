import Crypto
// FoundationEssentials for Data.
import FoundationEssentials

/// The broker's own tokens, of which it knows only the SHA-256.
///
/// Tokens are random, so a plain hash is enough: nobody guesses 32 random bytes, slow hash or not.
struct TokenList: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        var name: String
        var sha256: [UInt8]
        /// From when on it does not count, in milliseconds since 1970; `nil` for never.
        var expires: UInt64?

        func isExpired(at now: UInt64) -> Bool { self.expires.map { $0 <= now } ?? false }
    }

    /// Each costs a comparison at every login.
    static let entriesMax = 10_000
    /// The longest token as it is sent, in bytes.
    static let tokenBytesMax = 8192
    private static let digestBytes = 32
    private static let keys = ["name", "sha256", "expires"]
    /// What somebody may write who takes the list for one of secrets.
    private static let secretKey = "token"

    private(set) var entries: [Entry] = []

    static func sha256(_ token: String) -> [UInt8] { Array(SHA256.hash(data: Data(token.utf8))) }

    /// The token's entry, expired or not. It takes as long for one that is there as for one that is not.
    func entry(of token: String) -> Entry? {
        let digest = SHA256.hash(data: Data(token.utf8))
        var found: Entry?
        // The library compares digests in constant time.
        for entry in self.entries where digest == entry.sha256 { found = entry }
        return found
    }

    func entry(sha256: [UInt8]) -> Entry? { self.entries.first { $0.sha256 == sha256 } }

    // MARK: The document

    /// Reads the document, or says everything that is wrong with it: an entry that is not understood is never left out,
    /// because a token that should have been taken away might hide behind it.
    ///
    /// - `name`: What the document is called in problems, such as its file.
    init(_ bytes: [UInt8], named name: String) throws(ConfigurationError) {
        var problems: [ConfigurationProblem] = []
        let values = Self.values(bytes, name, &problems)
        if values.count > Self.entriesMax {
            problems.append(ConfigurationProblem(path: name, text: "has more than \(Self.entriesMax) tokens"))
        }
        var places: [[UInt8]: Int] = [:]
        for (index, value) in values.prefix(Self.entriesMax).enumerated() {
            let path = "\(name): tokens[\(index)]"
            guard let entry = Self.entry(value, path, &problems) else { continue }
            if let first = places.updateValue(index, forKey: entry.sha256) {
                let text = "is the one of tokens[\(first)] too; a token has one name"
                problems.append(ConfigurationProblem(path: "\(path).sha256", text: text))
            }
            self.entries.append(entry)
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
    }

    private static func values(
        _ bytes: [UInt8],
        _ name: String,
        _ problems: inout [ConfigurationProblem]
    ) -> [JSONValue] {
        func report(_ text: String) { problems.append(ConfigurationProblem(path: name, text: text)) }
        do throws(ConfigurationError) {
            guard case .object(let members) = try JSONValue(document: bytes, named: name) else {
                report(#"has to be an object: {"tokens": [...]}"#)
                return []
            }
            for key in members.keys.sorted() where key != "tokens" {
                report("has the unknown key '\(key)'; there is only 'tokens'")
            }
            if case .array(let values)? = members["tokens"] { return values }
            report("has no list of 'tokens'")
        } catch {
            problems += error.problems
        }
        return []
    }

    private static func entry(
        _ value: JSONValue,
        _ path: String,
        _ problems: inout [ConfigurationProblem]
    ) -> Entry? {
        var reader = ObjectReader(value, at: path, keys: Self.keys + [Self.secretKey])
        defer { problems += reader.problems }
        guard case .object = value else { return nil }
        guard reader.value(Self.secretKey) == nil else {
            let text = "is no key: the list has its 'sha256', which 'wsbroker token create' writes"
            reader.report(Self.secretKey, text)
            return nil
        }
        for key in ["name", "sha256"] where reader.value(key) == nil { reader.report(key, "is missing") }
        let name = reader.string("name")
        if let problem = name.flatMap({ IdentityName.problem($0) }) { reader.report("name", problem) }
        let text = reader.string("sha256")
        // What is there instead might be the token itself, so it is not said.
        let digest = text.flatMap(Hexadecimal.bytes)
        if text != nil, digest?.count != Self.digestBytes { reader.report("sha256", "has to be 64 hexadecimal digits") }
        let time = reader.string("expires")
        let expires = time.flatMap(Timestamp.milliseconds)
        if time != nil, expires == nil { reader.report("expires", "has to be \(Timestamp.form)") }
        guard reader.problems.isEmpty, let name, let digest else { return nil }
        return Entry(name: name, sha256: digest, expires: expires)
    }
}

extension TokenList.Entry {
    /// As it stands in the document.
    var document: JSONValue {
        var members: [String: JSONValue] = [
            "name": .string(self.name), "sha256": .string(Hexadecimal.text(self.sha256)),
        ]
        if let expires = self.expires { members["expires"] = .string(Timestamp.text(expires)) }
        return .object(members)
    }
}
