/// The keys that may sign tokens: a JSON Web Key Set (RFC 7517).
struct WebTokenKeySet: Sendable {
    /// More than any issuer has at once.
    static let keysMax = 100

    private let byKeyID: [String: WebTokenKey]
    /// The only key, which also signs tokens that name none.
    private let single: WebTokenKey?
    /// What is in each of them.
    let ids: Set<String>
    /// Whether there is a key among them that signs as well as it verifies.
    let hasSecrets: Bool
    /// The keys that are not ours to use, and why, a line each without the document's name.
    let leftOut: [String]

    /// Reads the document, or says everything that is wrong with it.
    ///
    /// Keys for something else than signatures, and of algorithms that we do not verify, are left out: issuers have
    /// some beside those that they sign with. Every other one has to be right.
    ///
    /// - `name`: What the document is called in problems, such as its file.
    init(_ bytes: [UInt8], named name: String) async throws(ConfigurationError) {
        let document = try JSONValue(document: bytes, named: name)
        guard case .object(let members) = document, case .array(let values)? = members["keys"] else {
            let text = #"has to be a JSON Web Key Set: {"keys": [...]}"#
            throw ConfigurationError(problems: [ConfigurationProblem(path: name, text: text)])
        }
        var problems: [ConfigurationProblem] = []
        var keys: [WebTokenKey] = []
        var leftOut: [String] = []
        for (index, value) in values.prefix(Self.keysMax).enumerated() {
            // Members that we do not know are ignored, as the standard has it.
            var known: [String] = []
            if case .object(let members) = value { known = Array(members.keys) }
            var reader = ObjectReader(value, at: "\(name): keys[\(index)]", keys: known)
            if reader.problems.isEmpty {
                do throws(WebTokenKey.OtherKind) {
                    if let key = try await WebTokenKey(&reader) { keys.append(key) }
                } catch {
                    var kid = ""
                    if case .string(let text)? = reader.value("kid") { kid = " '\(TextTable.cell(text))'" }
                    leftOut.append("keys[\(index)]\(kid) is left out: \(error.reason)")
                }
            }
            problems += reader.problems
        }
        func require(_ holds: Bool, _ text: String) {
            if !holds { problems.append(ConfigurationProblem(path: name, text: text)) }
        }
        require(values.count <= Self.keysMax, "has more than \(Self.keysMax) keys")
        let none = "has no key for signatures, so no token could ever be right"
        require(!keys.isEmpty || !problems.isEmpty, ([none] + leftOut).joined(separator: "; "))
        let kids = keys.compactMap(\.kid)
        require(keys.count <= 1 || kids.count == keys.count, "has several keys, so each has to have a 'kid'")
        require(Set(kids).count == kids.count, "has two keys of one 'kid'")
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        self.byKeyID = Dictionary(keys.compactMap { key in key.kid.map { ($0, key) } }) { first, _ in first }
        self.single = keys.count == 1 ? keys[0] : nil
        self.ids = Set(keys.map(\.id))
        self.leftOut = leftOut
        self.hasSecrets = keys.contains { $0.algorithm == .hs256 }
    }

    /// The key that a token names, or the only one for a token that names none. A name is looked up and nothing else:
    /// it is no file and no address.
    func key(_ kid: String?) -> WebTokenKey? {
        guard let kid else { return self.single }
        return self.byKeyID[kid]
    }
}
