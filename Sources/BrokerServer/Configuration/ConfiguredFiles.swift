import BrokerTransport
import Logging

/// What the files hold that a configuration names, of one reading: a start, a reload and a check all look at this.
struct ConfiguredFiles: Sendable {
    /// `nil` without TLS.
    let tls: TLSMaterial?
    let credentials: CredentialMaterial

    /// Reads all of them, or says everything that is wrong with them.
    init(of configuration: BrokerConfiguration) async throws(ConfigurationError) {
        var problems: [ConfigurationProblem] = []
        var tls: TLSMaterial?
        var credentials = CredentialMaterial()
        do throws(ConfigurationError) { tls = try configuration.readTLS() } catch { problems += error.problems }
        do throws(ConfigurationError) {
            credentials = try await CredentialMaterial.load(configuration)
        } catch {
            problems += error.problems
        }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        credentials.clientAuthorities = tls?.clientAuthorities ?? []
        self.tls = tls
        self.credentials = credentials
    }

    /// What is not wrong and should still be different, a line each.
    var warnings: [String] {
        (self.tls?.warnings ?? []).map { "\(ConfigurationProblem($0))" } + self.credentials.warnings
    }
}

extension Logger {
    /// Says what of a configuration and of its files is right and should still be looked at.
    func warn(of configuration: BrokerConfiguration, _ files: ConfiguredFiles) {
        for setting in unsafeSettings(of: configuration) {
            self.warning("a setting is not safe", metadata: ["setting": "\(setting)"])
        }
        self.warn(ofRulesIn: configuration)
        self.warn(of: files)
    }

    func warn(of files: ConfiguredFiles) {
        for warning in files.tls?.warnings ?? [] {
            self.warning("a setting is not safe", metadata: ["setting": "\(ConfigurationProblem(warning))"])
        }
        files.credentials.warn(self)
    }

    func warn(ofRulesIn configuration: BrokerConfiguration) {
        for rule in idleRules(of: configuration) {
            self.warning("a rule does not do what it seems to", metadata: ["rule": "\(rule)"])
        }
    }
}
