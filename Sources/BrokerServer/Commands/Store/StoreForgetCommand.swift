import ArgumentParser
import BrokerStore
import BrokerWire

/// `wsbroker store forget`
struct StoreForgetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "forget",
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
            let configuration = try self.options.load()
            // Its room is for this: the rows that go need some of it before they give any back.
            let spare = SpareFile(store: configuration.storePath, bytes: configuration.storeSpareBytes)
            let store = try StoreCommand.open(configuration, for: .inspection)
            if let volume = StoreVolume(folder: store.files.folder), volume.freeBytes < SpacePolicy.nearlyNothing {
                spare.remove()
            }
            let names = try StoreCommand.with(store) { store throws(StoreError) in try store.forget(filter) }
            for name in names { BrokerOutput.line(name) }
            let topics = names.count == 1 ? "1 topic" : "\(names.count) topics"
            BrokerOutput.errorLine("\(topics) dropped from \(configuration.storePath)")
        }
    }
}
