import BrokerClient
import BrokerWire

/// The live screen of `wssub -w`: a line for each topic with its value, its rate and how it went.
///
/// A pure value: messages, keys and the time go in, and lines come out.
struct WatchScreen {
    enum Key: Hashable {
        case up
        case down
        case pageUp
        case pageDown
        case home
        case end
        case quit
    }

    private static let rateColumns = 9
    private static let ageColumns = 5
    /// The header and the line of titles.
    private static let headLines = 2

    private let title: String
    private var rows: [String: WatchRow] = [:]
    private var topics: [String] = []
    private var top = 0
    private var sampledAt: Duration = .zero
    /// What there is to say about the connection.
    var notice = ""

    /// - `title`: Which broker this is.
    init(title: String) {
        self.title = title
    }

    mutating func take(_ messages: [Message], at time: Duration) {
        for message in messages {
            let topic = TerminalText.plain(message.topic.description)
            if self.rows[topic] == nil {
                let place = self.topics.firstIndex { $0 > topic } ?? self.topics.endIndex
                self.topics.insert(topic, at: place)
            }
            self.rows[topic, default: WatchRow()].take(message, at: time)
        }
    }

    /// Lets the time pass up to `time`.
    mutating func advance(to time: Duration) {
        guard time - self.sampledAt >= .seconds(1) else { return }
        self.sampledAt = time
        for topic in self.topics { self.rows[topic]?.sample(at: time) }
    }

    /// - `lines`: How high the screen is.
    mutating func press(_ key: Key, lines: Int) {
        let page = max(lines - Self.headLines, 1)
        switch key {
        case .up: self.top -= 1
        case .down: self.top += 1
        case .pageUp: self.top -= page
        case .pageDown: self.top += page
        case .home: self.top = 0
        case .end: self.top = self.topics.count
        case .quit: break
        }
        self.top = max(0, min(self.top, self.topics.count - page))
    }

    /// The screen at `time`, exactly as many lines as it has.
    func lines(_ size: SystemCall.TerminalSize, at time: Duration) -> [String] {
        let layout = Layout(columns: size.columns, topics: self.topics)
        let shown = self.topics.dropFirst(self.top).prefix(max(size.lines - Self.headLines, 0))
        var lines = [self.header(size.columns, shown: shown.count), self.titles(layout)]
        if self.topics.isEmpty {
            lines.append(TerminalText.fit("  waiting for the first message", size.columns))
        }
        for topic in shown {
            guard let row = self.rows[topic] else { continue }
            lines.append(self.line(topic, row, layout, at: time))
        }
        let blank = String(repeating: " ", count: size.columns)
        lines += repeatElement(blank, count: max(0, size.lines - lines.count))
        return Array(lines.prefix(size.lines))
    }

    private func header(_ columns: Int, shown: Int) -> String {
        var parts = [self.title, self.topics.count == 1 ? "1 topic" : "\(Figures.count(self.topics.count)) topics"]
        if shown < self.topics.count { parts.append("\(self.top + 1) to \(self.top + shown)") }
        parts.append(self.notice.isEmpty ? "q ends" : self.notice)
        return TerminalText.fit(" " + parts.joined(separator: " · "), columns)
    }

    private func titles(_ layout: Layout) -> String {
        self.join(layout, "TOPIC", "VALUE", "CHANGES/S", "AGE", "")
    }

    private func line(_ topic: String, _ row: WatchRow, _ layout: Layout, at time: Duration) -> String {
        let age = row.changedAt == .zero ? "-" : Self.age(time - row.changedAt)
        return self.join(
            layout,
            topic,
            row.value,
            row.rate == 0 ? "-" : Figures.rate(row.rate),
            age,
            Sparkline.text(row.samples, columns: layout.spark)
        )
    }

    private func join(
        _ layout: Layout,
        _ topic: String,
        _ value: String,
        _ rate: String,
        _ age: String,
        _ spark: String
    ) -> String {
        let cells = [
            TerminalText.fit(topic, layout.topic), TerminalText.fit(value, layout.value, alignsRight: true),
            TerminalText.fit(rate, Self.rateColumns, alignsRight: true),
            TerminalText.fit(age, Self.ageColumns, alignsRight: true), TerminalText.fit(spark, layout.spark),
        ]
        return TerminalText.fit(" " + cells.joined(separator: "  "), layout.columns)
    }

    private static func age(_ duration: Duration) -> String {
        let seconds = Int(max(duration, .zero) / .seconds(1))
        switch seconds {
        case ..<60: return "\(seconds)s"
        case ..<3600: return "\(seconds / 60)m"
        case ..<86_400: return "\(seconds / 3600)h"
        default: return "\(seconds / 86_400)d"
        }
    }

    /// How the columns are shared out: topics get what they need up to a third, values a quarter, the course the rest.
    private struct Layout {
        let columns: Int
        let topic: Int
        let value: Int
        let spark: Int

        init(columns: Int, topics: [String]) {
            let longest = topics.prefix(1000).map { TerminalText.width($0) }.max() ?? 0
            self.columns = columns
            self.topic = min(max(longest, 8), max(columns / 3, 8))
            self.value = min(max(columns / 4, 8), 32)
            // A blank in front, and two between the cells.
            let taken = 1 + self.topic + self.value + WatchScreen.rateColumns + WatchScreen.ageColumns + 8
            self.spark = max(min(columns - taken - 1, WatchRow.samplesMax), 0)
        }
    }
}
