import BrokerCore
import BrokerTransport
import BrokerWire

/// The figures as Prometheus reads them. Nothing is told of single clients, and of topics only of those whose rule says
/// so: a label for each would grow with them.
extension BrokerFigures {
    private static let nanosecondsPerSecond = 1e9

    var metrics: String {
        var text = MetricsText()
        text.addLabeled(
            .gauge,
            "wsbroker_build_info",
            "The version that is running.",
            [(labels: [("version", BrokerVersion.number)], value: 1)]
        )
        text.add(.gauge, "wsbroker_uptime_seconds", "How long the broker has been running.", self.uptime / .seconds(1))
        self.addRequests(to: &text)
        self.addConnections(to: &text)
        self.addStore(to: &text)
        self.addAlertsAndTopics(to: &text)
        return text.text
    }

    private func addRequests(to text: inout MetricsText) {
        let core = self.loops.core
        text.add(.counter, "wsbroker_publishes_total", "Publishes that came, whatever became of them.", core.publishes)
        text.add(.counter, "wsbroker_accepted_total", "Publishes that were applied.", core.accepted)
        text.add(
            .counter,
            "wsbroker_duplicates_total",
            "Publishes that had been counted before, and were not again.",
            core.duplicates
        )
        text.addLabeled(
            .counter,
            "wsbroker_refusals_total",
            "Requests that were refused, by the error's number and name.",
            core.refusals.sorted { $0.key < $1.key }.map { code, count in
                let name = ErrorCode(rawValue: code).map { "\($0.name)" } ?? "error"
                return (labels: [("code", "\(code)"), ("name", name)], value: count)
            }
        )
        text.add(.gauge, "wsbroker_topics", "Topics that there are.", core.topics)
        text.add(.gauge, "wsbroker_producers", "Producers whose numbers are remembered.", core.producers)
    }

    private func addConnections(to text: inout MetricsText) {
        let hub = self.loops.hub
        text.add(.gauge, "wsbroker_connections", "Connected clients.", hub.connections)
        text.add(.counter, "wsbroker_connections_opened_total", "Clients that have connected.", hub.opened)
        text.addLabeled(
            .counter,
            "wsbroker_turned_away_total",
            "Clients and requests that were refused before they could ask for anything.",
            self.loops.turnedAway.map { (labels: [("reason", $0.reason.rawValue)], value: Double($0.count)) }
        )
        if let end = self.certificateEnd {
            let help = "When the certificate of the listeners ends, in seconds since 1970."
            text.add(.gauge, "wsbroker_certificate_end_timestamp_seconds", help, Double(end))
        }
        text.add(.gauge, "wsbroker_subscriptions", "Subscriptions of all clients.", hub.subscriptions)
        text.add(.counter, "wsbroker_deliveries_total", "Messages that were handed to connections.", hub.deliveries)
        text.add(
            .counter,
            "wsbroker_conflated_total",
            "Values that a newer one replaced before they were sent.",
            hub.conflated
        )
        text.add(.counter, "wsbroker_received_bytes_total", "Bytes that came over WebSockets.", hub.receivedBytes)
        text.add(.counter, "wsbroker_sent_bytes_total", "Bytes that went to clients.", hub.sentBytes)
        text.add(.gauge, "wsbroker_outbox_bytes", "Bytes that wait in memory for slow clients.", hub.outboxBytes)
        text.add(
            .counter,
            "wsbroker_slow_consumers_total",
            "Clients that were closed because too much waited for them.",
            hub.slowConsumers
        )
        text.addLabeled(
            .gauge,
            "wsbroker_loop_lag_seconds",
            "How late each event loop was with what it does once a second.",
            self.loops.lags.enumerated().map { index, lag in
                (labels: [("loop", "\(index)")], value: Double(lag) / Self.nanosecondsPerSecond)
            }
        )
    }

    private func addStore(to text: inout MetricsText) {
        let store = self.store
        text.add(
            "wsbroker_commit_duration_seconds",
            "From a commit's first statement to its end.",
            store.commits,
            unit: Self.nanosecondsPerSecond
        )
        text.add(
            "wsbroker_fsync_duration_seconds",
            "The end of a commit alone: writing the log and the fsync.",
            store.fsyncs,
            unit: Self.nanosecondsPerSecond
        )
        text.add("wsbroker_commit_rows", "Rows of a commit.", store.batches, unit: 1)
        text.add(.counter, "wsbroker_commit_failures_total", "Commits that failed.", store.failures)
        text.add(.gauge, "wsbroker_wal_bytes", "How large the store's write-ahead log is.", store.logBytes)
        text.add(.gauge, "wsbroker_store_bytes", "How large the store's file is.", store.fileBytes)
        text.addLabeled(
            .gauge,
            "wsbroker_store_state",
            "1 for how the store is: ok, full or failed.",
            [StoreState.ok, .full, .failed].map { state in
                (labels: [("state", state.rawValue)], value: state == self.storeState ? 1 : 0)
            }
        )
        if let backup = store.backup {
            text.add(
                .gauge,
                "wsbroker_backup_timestamp_seconds",
                "When this broker made its last backup, in seconds since 1970.",
                Double(backup.time) / 1000
            )
        }
    }

    private func addAlertsAndTopics(to text: inout MetricsText) {
        let core = self.loops.core
        text.add(.gauge, "wsbroker_alerts_raised", "Alerts that are raised now.", core.alerts.count)
        text.addLabeled(
            .counter,
            "wsbroker_alert_transitions_total",
            "Alerts that were raised, and that have cleared.",
            [("raised", core.raised), ("cleared", core.cleared)].map { (labels: [("state", $0)], value: $1) }
        )
        func label(_ topic: CoreFigures.MeasuredTopic) -> [(String, String)] {
            [("topic", String(decoding: topic.name, as: UTF8.self))]
        }
        text.addLabeled(
            .gauge,
            "wsbroker_topic_value",
            "The running value of topics whose rule says \"metrics\".",
            core.measuredTopics.compactMap { topic in topic.value.map { (labels: label(topic), value: $0) } }
        )
        text.addLabeled(
            .counter,
            "wsbroker_topic_changes_total",
            "How many changes topics have had whose rule says \"metrics\".",
            core.measuredTopics.map { (labels: label($0), value: $0.offset) }
        )
    }
}
