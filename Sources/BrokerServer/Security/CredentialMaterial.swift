import Logging

/// What credentials are judged by: everything of it is from one reading, and is exchanged as a whole.
struct CredentialMaterial: Sendable {
    /// `nil` where no tokens are configured, which is another thing than none being on the list.
    var tokens: TokenList?
    var webTokens: WebTokenVerifier?
    /// The authorities whose client certificates are taken, each as its certificate in DER.
    var clientAuthorities: Set<[UInt8]> = []
    /// Whether somebody without credentials is somebody.
    var allowsAnonymous = false
    /// What is not as it should be, a line each.
    var warnings: [String] = []

    /// Reads what a configuration names, or says everything that is wrong with it.
    static func load(
        _ configuration: BrokerConfiguration,
        environment: [String: String] = ProcessEnvironment.variables
    ) async throws(ConfigurationError) -> Self {
        var material = Self(allowsAnonymous: !configuration.anonymousRightsInForce.isEmpty)
        var problems: [ConfigurationProblem] = []
        do throws(ConfigurationError) {
            try material.loadTokens(configuration.authentication, environment)
        } catch {
            problems += error.problems
        }
        do throws(ConfigurationError) {
            if configuration.authentication.hasWebTokens {
                try await material.loadKeys(configuration.authentication.jwt)
            }
        } catch {
            problems += error.problems
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return material
    }

    private mutating func loadTokens(
        _ configuration: AuthenticationConfiguration,
        _ environment: [String: String]
    ) throws(ConfigurationError) {
        if !configuration.tokens.isEmpty {
            try self.loadTokens(file: configuration.tokens)
        } else if !configuration.tokensVariable.isEmpty {
            let name = configuration.tokensVariable
            guard let text = environment[name] else {
                let problem = ConfigurationProblem(path: "auth.tokensVariable", text: "there is no variable '\(name)'")
                throw ConfigurationError(problems: [problem])
            }
            self.tokens = try TokenList(Array(text.utf8), named: "$\(name)")
        }
    }

    mutating func loadTokens(file path: String) throws(ConfigurationError) {
        let file = try OperatorFile(path: path, key: "auth.tokens")
        self.tokens = try TokenList(file.bytes, named: path)
        guard file.isReadableByOthers else { return }
        self.warnings.append("\(path) has only hashes, but every user of the machine can read it: chmod o= \(path)")
    }

    private mutating func loadKeys(
        _ configuration: AuthenticationConfiguration.WebTokens
    ) async throws(ConfigurationError) {
        let file = try OperatorFile(path: configuration.keys, key: "auth.jwt.keys")
        let keys = try await WebTokenKeySet(file.bytes, named: configuration.keys)
        self.webTokens = WebTokenVerifier(keys: keys, configuration: configuration)
        self.warnings += keys.leftOut.map { "\(configuration.keys): \($0)" }
        guard file.isReadableByOthers, keys.hasSecrets else { return }
        let path = configuration.keys
        self.warnings.append(
            "\(path) has secret keys, and every user of the machine can read it and sign tokens: chmod o= \(path)"
        )
    }

    func warn(_ logger: Logger) {
        for warning in self.warnings { logger.warning("\(warning)") }
    }

    /// The keys of the configuration behind which there is something else than in `other`.
    func changedKeys(from other: Self) -> [String] {
        var keys: [String] = []
        if self.tokens != other.tokens { keys.append("auth.tokens") }
        if self.webTokens?.keys.ids != other.webTokens?.keys.ids { keys.append("auth.jwt.keys") }
        if self.clientAuthorities != other.clientAuthorities { keys.append("listen.tls.clientAuthorities") }
        return keys
    }
}
