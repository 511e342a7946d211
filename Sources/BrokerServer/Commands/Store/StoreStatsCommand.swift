import ArgumentParser
import BrokerStore
// FoundationEssentials for dates and JSON.
import FoundationEssentials

/// `wsbroker store stats`
struct StoreStatsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "stats",
        abstract: "Says how much is stored, of what, and how much room it takes."
    )

    @Flag(help: "Print it as JSON, for programs.")
    var json = false

    @OptionGroup var options: ConfigurationOptions

    func run() async throws {
        try await reportingErrors {
            let store = try StoreCommand.open(try self.options.load(), for: .inspection)
            let statistics = try StoreCommand.with(store) { store throws(StoreError) in try store.statistics() }
            guard self.json else { return BrokerOutput.line(Self.table(statistics)) }
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys, .prettyPrinted, .withoutEscapingSlashes]
            BrokerOutput.line(String(decoding: try encoder.encode(statistics), as: UTF8.self))
        }
    }

    static func table(_ statistics: StoreStatistics) -> String {
        let pages = "\(statistics.pages) of \(statistics.pageBytes) bytes, \(statistics.freePages) of them free"
        var rows = [
            ("store", statistics.path),
            ("format", "\(statistics.format)"),
            ("epoch", statistics.epoch ?? "none yet"),
            ("restored", "\(statistics.restoreGeneration) times"),
            ("file", "\(statistics.fileBytes) bytes"),
            ("log", "\(statistics.logBytes) bytes"),
            ("pages", pages),
            ("free on the disk", statistics.freeDiskBytes.map { "\($0) bytes" } ?? "unknown"),
            ("oldest change", Self.time(statistics.oldestChange)),
            ("newest change", Self.time(statistics.newestChange)),
        ]
        for kind in statistics.topics {
            let name = kind.aggregator ?? "retained messages"
            rows.append((name, "\(kind.topics) topics, \(kind.bytes) bytes"))
        }
        let width = rows.map(\.0.count).max() ?? 0
        return rows.map { name, value in
            name + String(repeating: " ", count: width - name.count + 2) + value
        }.joined(separator: "\n")
    }

    private static func time(_ milliseconds: Int?) -> String {
        guard let milliseconds else { return "none" }
        return Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }
}
