/// What `wspub` says of a long run while it lasts: how far it is, how fast, and what the total is.
struct ProgressMeter {
    /// How far a run is.
    struct Reading: Hashable {
        var acknowledged = 0
        var refused = 0
        var unacknowledged = 0
        /// The last running value, as a person reads it.
        var value = ""
    }

    /// How many readings back the rate looks.
    private static let readingsMax = 6

    private var history: [(time: Duration, acknowledged: Int)] = []

    /// The line for a reading at `time`.
    ///
    /// - `columns`: How much there is room for.
    mutating func line(_ reading: Reading, at time: Duration, columns: Int) -> String {
        self.history.append((time, reading.acknowledged))
        if self.history.count > Self.readingsMax { self.history.removeFirst() }
        var parts = ["\(Figures.count(reading.acknowledged)) acknowledged", "\(self.rate())/s"]
        if reading.unacknowledged > 0 { parts.append("\(Figures.count(reading.unacknowledged)) unacknowledged") }
        if reading.refused > 0 { parts.append("\(Figures.count(reading.refused)) refused") }
        if !reading.value.isEmpty { parts.append("total \(reading.value)") }
        // One column less: a full line would wrap, and could not be replaced.
        return String(parts.joined(separator: ", ").prefix(max(columns - 1, 0)))
    }

    private func rate() -> String {
        guard let first = self.history.first, let last = self.history.last, last.time > first.time else { return "0" }
        let seconds = (last.time - first.time) / .seconds(1)
        return Figures.count(Int((Double(last.acknowledged - first.acknowledged) / seconds).rounded()))
    }
}
