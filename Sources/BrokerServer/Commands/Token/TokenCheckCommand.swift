import ArgumentParser
import BrokerCore
import BrokerTransport
import BrokerWire

// Glibc for isatty(3).
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// `wsbroker token check`
struct TokenCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Says whose a token is, or why it is not taken; exits with 0 or 1.",
        discussion: """
            The token is the first line of standard input, or WSBROKER_TOKEN if there is none. It is never an \
            argument, which other users of the machine would see. Without --file it is judged by all that the \
            configuration names: its tokens and its keys of JSON Web Tokens.
            """
    )

    @Option(help: ArgumentHelp("A token file, instead of what the configuration names.", valueName: "file"))
    var file: String?

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let material = try await self.material()
            guard let token = Self.token else {
                throw ValidationError("there is no token: write it to standard input, or set WSBROKER_TOKEN")
            }
            for warning in material.warnings { BrokerOutput.errorLine("warning: \(warning)") }
            let identity: Identity
            do throws(AuthenticationFailure) {
                let authenticator = BrokerAuthenticator(material)
                identity = try await authenticator.identity(
                    of: Credentials(token: token),
                    at: ProcessResources.wallClock()
                )
            } catch {
                throw BrokerError.refused(reason: "\(error.reason) (\(error.code.name))")
            }
            BrokerOutput.line(Self.text(identity))
        }
    }

    private func material() async throws(BrokerError) -> CredentialMaterial {
        do throws(ConfigurationError) {
            if let file = self.file {
                var material = CredentialMaterial()
                try material.loadTokens(file: file)
                return material
            }
            return try await CredentialMaterial.load(try self.options.reader())
        } catch {
            throw .configuration(error)
        }
    }

    private static var token: String? {
        // Nobody is asked to type one; it would stand on the screen.
        let line = isatty(STDIN_FILENO) == 0 ? readLine(strippingNewline: true) : nil
        let texts = [line, ProcessEnvironment.variables["WSBROKER_TOKEN"]]
        return texts.compactMap { $0.map(Self.trimmed) }.first { !$0.isEmpty }
    }

    private static func trimmed(_ text: String) -> String {
        String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
    }

    private static func text(_ identity: Identity) -> String {
        let kind =
            switch identity.proof {
            case .signedToken: "JSON Web Token"
            default: "token"
            }
        let end = identity.expires.map { "until \(Timestamp.text($0))" } ?? "without an end"
        let claims = identity.claims.sorted { $0.key < $1.key }.map { "\n  \($0.key): \($0.value)" }.joined()
        return "\(identity.name): a \(kind), \(end)\(claims)"
    }
}
