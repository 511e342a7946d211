/// A run as text, for people.
enum BenchReport {
    private static let nameWidth = 13
    private static let columnWidth = 13

    static func text(of result: BenchResult) -> String {
        var lines = [Self.headline(of: result.plan), ""]
        lines += Self.counts(of: result)
        lines.append("")
        lines += Self.latencies(of: result)
        lines.append("")
        lines += Self.remarks(on: result)
        return lines.joined(separator: "\n") + "\n"
    }

    /// What is done, before it is done.
    static func headline(of plan: BenchPlan) -> String {
        let payload =
            switch plan.payload {
            case .event(let bytes): "events of \(bytes) bytes"
            case .number: "numbers"
            }
        let pace =
            switch plan.pace {
            case .window(let size): "\(size) in flight each"
            case .rate(let rate): "\(Figures.rate(rate)) a second in all"
            }
        let topics = plan.topics.count == 1 ? "\(plan.base)" : "\(plan.filter), \(plan.topics.count) topics"
        return "\(Self.number(plan.publishers, "publisher")), \(Self.number(plan.subscribers, "subscriber")): "
            + "\(payload) to \(topics), \(pace)\(plan.isDurable ? ", numbered" : "")"
    }

    /// Where a run stands, in one line.
    ///
    /// - `before`: The counts of the line before, so many `seconds` ago.
    /// - `elapsed`: Seconds since the first publish.
    static func progress(
        _ tally: BenchTally,
        before: BenchTally,
        seconds: Double,
        elapsed: Double,
        isWarmUp: Bool
    ) -> String {
        func rate(_ path: KeyPath<BenchTally, Int>) -> String {
            let count = Double(tally[keyPath: path] - before[keyPath: path])
            return Figures.right(Figures.rate(seconds > 0 ? count / seconds : 0), 9)
        }
        let failures = tally.failures.values.reduce(0) { $0 + $1.count }
        return Figures.right("\(Figures.decimal(elapsed, digits: 1)) s", 8)
            + "\(rate(\.sentInAll)) pub/s\(rate(\.answeredInAll)) ack/s\(rate(\.deliveredInAll)) msg/s"
            + Figures.right(Figures.count(tally.sentInAll - tally.answeredInAll), 8) + " in flight"
            + (failures > 0 ? "  \(Self.number(failures, "error"))" : "") + (isWarmUp ? "  (warm-up)" : "")
    }

    private static func counts(of result: BenchResult) -> [String] {
        let tally = result.tally
        func row(_ name: String, _ count: Int, _ rate: Double, _ bytes: Double?) -> String {
            Self.row(
                name,
                [Figures.count(count), Figures.rate(rate), bytes.map { "\(Figures.bytes($0))/s" } ?? ""]
            )
        }
        var lines = [
            Self.row("", ["count", "per second", "payload"]),
            row("published", tally.published, result.publishedPerSecond, result.publishedBytesPerSecond),
            row("acknowledged", tally.acknowledged, result.acknowledgedPerSecond, nil),
        ]
        if result.plan.subscribers > 0 {
            lines.append(
                row("delivered", tally.delivered, result.deliveredPerSecond, result.deliveredBytesPerSecond)
            )
        }
        return lines
    }

    private static func latencies(of result: BenchResult) -> [String] {
        var rows = [("acknowledged", result.tally.acknowledgementLatency)]
        if result.plan.subscribers > 0 { rows.append(("delivered", result.tally.deliveryLatency)) }
        if case .rate = result.plan.pace { rows.append(("sent late", result.tally.lateness)) }
        return [Self.row("latency", ["p50", "p99", "p99.9", "max"])]
            + rows.map { name, latency in
                Self.row(
                    name,
                    [latency.value(at: 0.5), latency.value(at: 0.99), latency.value(at: 0.999)].map(Figures.duration)
                        + [latency.count > 0 ? Figures.duration(latency.max) : "-"]
                )
            }
    }

    private static func remarks(on result: BenchResult) -> [String] {
        let tally = result.tally
        var lines = Self.sortedFailures(of: tally).map { failure, failures in
            "\(Figures.count(failures.count)) x \(failure.code.map { "\($0) " } ?? "")\(failure.name): "
                + failures.reason
        }
        if lines.isEmpty { lines.append("no errors") }
        if result.unanswered > 0 { lines.append("\(Figures.count(result.unanswered)) publishes without an answer") }
        if result.unsent > 0 {
            lines.append("\(Figures.count(result.unsent)) publishes due and not sent: too many without an answer")
        }
        if result.missingEvents > 0 {
            lines.append("\(Figures.count(result.missingEvents)) events not delivered")
        }
        if result.unmatched > 0 {
            lines.append("\(Figures.count(result.unmatched)) values of unknown age, not in the latency")
        }
        switch result.interruption {
        case .signal: lines.append("interrupted")
        case .timeout: lines.append("timed out")
        case .idle, .key, .outputClosed, nil: break
        }
        lines.append(
            "\(Figures.decimal(result.seconds, digits: 2)) s measured; "
                + "wsbench used \(Figures.decimal(result.cores, digits: 2)) of \(result.plan.threads) "
                + "core\(result.plan.threads == 1 ? "" : "s")"
                + (result.isToolBusy ? ": these figures may be its own limit, see --threads" : "")
        )
        return lines
    }

    /// The most frequent first, and an order that does not depend on chance.
    static func sortedFailures(of tally: BenchTally) -> [(BenchTally.Failure, BenchTally.Failures)] {
        tally.failures
            .sorted {
                ($1.value.count, $0.key.code ?? 0, $0.key.name) < ($0.value.count, $1.key.code ?? 0, $1.key.name)
            }
            .map { ($0.key, $0.value) }
    }

    private static func row(_ name: String, _ columns: [String]) -> String {
        let text = Figures.left(name, Self.nameWidth) + columns.map { Figures.right($0, Self.columnWidth) }.joined()
        return String(text.reversed().drop { $0 == " " }.reversed())
    }

    private static func number(_ count: Int, _ noun: String) -> String {
        "\(Figures.count(count)) \(noun)\(count == 1 ? "" : "s")"
    }
}
