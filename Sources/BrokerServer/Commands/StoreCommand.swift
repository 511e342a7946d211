import ArgumentParser
import BrokerStore
import BrokerWire
// FoundationEssentials to see whether there is a file.
import FoundationEssentials
import Logging

/// `wsbroker store`
struct StoreCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "store",
        abstract: "Works on the store of a broker that is not running.",
        subcommands: [Forget.self]
    )

    struct Forget: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Drops the values of all topics that match a filter, such as 'clicks/#'."
        )

        @Argument(help: "A topic filter.")
        var filter: String

        @OptionGroup var options: ConfigurationOptions

        func run() async throws {
            try await reportingErrors {
                let filter: TopicFilter
                do throws(TopicError) {
                    filter = try TopicFilter(self.filter)
                } catch {
                    throw ValidationError("'\(self.filter)' \(error)")
                }
                let path = try self.options.load().storePath
                guard FileManager.default.fileExists(atPath: path) else {
                    throw BrokerError.store(.cannotOpen(path: path, reason: "there is no such file"))
                }
                do throws(StoreError) {
                    let store = try SQLiteStore(path: path, logger: Logger(label: "wsbroker"))
                    defer { store.close() }
                    let names = try store.forget(filter)
                    for name in names { BrokerOutput.line(name) }
                    let topics = names.count == 1 ? "1 topic" : "\(names.count) topics"
                    BrokerOutput.errorLine("\(topics) dropped from \(path)")
                } catch {
                    throw BrokerError.store(error)
                }
            }
        }
    }
}
