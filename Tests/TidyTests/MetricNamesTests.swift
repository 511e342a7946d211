import Foundation
import Testing

/// The names of the metrics, which the handbook, the dashboard and the alerting rules write again.
@Suite("Names of metrics")
struct MetricNamesTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private static func names(in path: String, _ isCounted: (Substring) -> Bool = { _ in true }) throws -> Set<String> {
        let text = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
        var names: Set<String> = []
        for line in text.split(separator: "\n") where isCounted(line) {
            for match in line.matches(of: /wsbroker_[a-z_]+/) { names.insert(String(match.output)) }
        }
        #expect(names.count > 5, "there is nothing in \(path)")
        return names
    }

    private static func metrics() throws -> Set<String> {
        try Self.names(in: "Sources/BrokerServer/Metrics/BrokerFigures+Metrics.swift")
    }

    @Test func theHandbookExplainsEachOfThemAndNoOther() throws {
        #expect(try Self.names(in: "docs/operations.md") { $0.hasPrefix("### `wsbroker_") } == Self.metrics())
    }

    @Test(arguments: ["packaging/grafana/wsbroker.json", "packaging/prometheus/alerts.yml"])
    func whatReadsThemKnowsTheirNames(path: String) throws {
        let metrics = try Self.metrics()
        let ofHistograms = Set(metrics.flatMap { name in ["_bucket", "_sum", "_count"].map { name + $0 } })
        #expect(try Self.names(in: path).subtracting(metrics).subtracting(ofHistograms) == [])
    }
}
