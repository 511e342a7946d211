import ArgumentParser

/// `wsbroker config`
struct ConfigCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "config",
        abstract: "Checks, shows and explains the configuration.",
        subcommands: [Check.self, Show.self, Document.self]
    )

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says everything that is wrong with a configuration file; exits with 78 if anything is.",
            discussion: """
                It reads the files of certificates, tokens and keys that the configuration names, as a start does, and \
                the variables of this environment.
                """
        )

        @Argument(help: "The configuration file.")
        var file: String

        func run() async throws {
            try await reportingErrors {
                let configuration = try ConfigurationOptions.load(file: self.file)
                let files = try await Self.files(of: configuration)
                let settings = unsafeSettings(of: configuration) + idleRules(of: configuration)
                for warning in settings.map(\.description) + files.warnings {
                    BrokerOutput.errorLine("wsbroker: warning: \(warning)")
                }
                BrokerOutput.line("\(self.file) is right: \(configuration.topics.count) topic rules")
            }
        }

        private static func files(of configuration: BrokerConfiguration) async throws(BrokerError) -> ConfiguredFiles {
            do throws(ConfigurationError) {
                return try await ConfiguredFiles(of: configuration)
            } catch {
                throw .configuration(error)
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Prints the configuration as it is in force, with every key."
        )

        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await reportingErrors {
                BrokerOutput.line(try self.options.load().document.prettyText)
            }
        }
    }

    struct Document: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "doc",
            abstract: "Prints the reference of all keys as Markdown."
        )

        func run() async throws { BrokerOutput.line(ConfigurationReference.markdown) }
    }
}
