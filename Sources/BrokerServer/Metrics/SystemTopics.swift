import BrokerCore
import BrokerTransport
import BrokerWire
import Logging
import ServiceLifecycle

/// Publishes the broker's figures as topics below `$sys/` once a second, for pages and whoever else may read them.
struct SystemTopics: Service {
    let source: FiguresSource
    let logger: Logger

    static let interval = Duration.seconds(1)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var values = SystemValues()
            while !Task.isCancelled {
                do {
                    let figures = try await self.source.figures()
                    self.source.loops.publishSystem(values.take(figures))
                } catch {
                    self.logger.debug("the broker's figures can not be told", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}

/// The values of the topics below `$sys/`, made of figures that follow each other.
struct SystemValues {
    /// How many figures back the quantiles look.
    private static let historyMax = 10

    private var history: [StoreFigures] = []

    /// The values for `figures`, which are those of a second after the ones before.
    mutating func take(_ figures: BrokerFigures) -> [(topic: [UInt8], data: [UInt8])] {
        let earlier = self.history.first ?? StoreFigures()
        self.history.append(figures.store)
        if self.history.count > Self.historyMax { self.history.removeFirst() }
        let (core, hub, store) = (figures.loops.core, figures.loops.hub, figures.store)
        let refusals = core.refusals.values.reduce(0, +)
        let values: [(String, String)] = [
            ("version", "\"\(BrokerVersion.number)\""), ("uptime", "\(Int(figures.uptime / .seconds(1)))"),
            ("connections", "\(hub.connections)"), ("subscriptions", "\(hub.subscriptions)"),
            ("topics", "\(core.topics)"), ("producers", "\(core.producers)"), ("publishes", "\(core.publishes)"),
            ("acks", "\(core.accepted + core.duplicates)"), ("refusals", "\(refusals)"),
            ("deliveries", "\(hub.deliveries)"), ("conflated", "\(hub.conflated)"),
            ("bytes/in", "\(hub.receivedBytes)"), ("bytes/out", "\(hub.sentBytes)"),
            ("outbox/bytes", "\(hub.outboxBytes)"), ("slow-consumers", "\(hub.slowConsumers)"),
            ("loops/lag", "\(Self.milliseconds(figures.loops.lags.max() ?? 0))"),
            ("store/commits", "\(store.commits.count)"),
            ("store/commit/p99", Self.quantile(store.commits.since(earlier.commits))),
            ("store/fsync/p99", Self.quantile(store.fsyncs.since(earlier.fsyncs))),
            ("store/wal/bytes", "\(store.logBytes)"), ("store/bytes", "\(store.fileBytes)"),
            ("store/state", "\"\(figures.storeState.rawValue)\""),
            ("store/backup", store.backup.map { #"{"ts":\#($0.time),"bytes":\#($0.bytes)}"# } ?? "null"),
        ]
        var topics = values.map { (topic: Array("$sys/\($0.0)".utf8), data: Array($0.1.utf8)) }
        topics.append((topic: Array("$sys/alerts".utf8), data: Self.list(core.alerts)))
        return topics
    }

    /// In milliseconds; `null` where nothing was measured. It is the bound below which it lies.
    private static func quantile(_ histogram: Histogram) -> String {
        histogram.bound(of: 0.99).map { "\(Self.milliseconds($0))" } ?? "null"
    }

    private static func milliseconds(_ nanoseconds: UInt64) -> Double { Double(nanoseconds / 1000) / 1000 }

    private static func list(_ alerts: [CoreFigures.StandingAlert]) -> [UInt8] {
        var json: [UInt8] = [UInt8(ascii: "[")]
        // The same alerts are the same text, or they would be told again each second.
        let sorted = alerts.sorted { ($0.since, $0.name, $0.topic.count) < ($1.since, $1.name, $1.topic.count) }
        for (index, alert) in sorted.enumerated() {
            if index > 0 { json.append(UInt8(ascii: ",")) }
            json += #"{"topic":""#.utf8
            JSONString.appendEscaped(alert.topic, to: &json)
            json += #"","name":""#.utf8
            JSONString.appendEscaped(Array(alert.name.utf8), to: &json)
            json += #"","key":""#.utf8
            JSONString.appendEscaped(alert.key, to: &json)
            json += #"","value":\#(alert.value ?? "null"),"limit":\#(alert.limit),"since":\#(alert.since)}"#.utf8
        }
        json.append(UInt8(ascii: "]"))
        return json
    }
}
