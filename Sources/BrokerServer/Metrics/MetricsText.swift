import BrokerCore

/// Writes figures in the text format of Prometheus (version 0.0.4).
struct MetricsText {
    private(set) var text = ""

    enum Kind: String {
        case counter
        case gauge
        case histogram
    }

    /// One figure with one value.
    mutating func add(_ kind: Kind, _ name: String, _ help: String, _ value: some CustomStringConvertible) {
        self.head(kind, name, help)
        self.line(name, [], value)
    }

    /// One figure with a value for each of some labels; nothing where there are none.
    mutating func addLabeled(
        _ kind: Kind,
        _ name: String,
        _ help: String,
        _ values: [(labels: [(String, String)], value: any CustomStringConvertible)]
    ) {
        guard !values.isEmpty else { return }
        self.head(kind, name, help)
        for (labels, value) in values { self.line(name, labels, value) }
    }

    /// A histogram.
    ///
    /// - `unit`: How many of what was measured make one of what is told.
    mutating func add(_ name: String, _ help: String, _ histogram: Histogram, unit: Double) {
        self.head(.histogram, name, help)
        var below: UInt64 = 0
        for (bound, count) in zip(histogram.bounds, histogram.counts) {
            below += count
            self.line("\(name)_bucket", [("le", "\(Double(bound) / unit)")], below)
        }
        self.line("\(name)_bucket", [("le", "+Inf")], histogram.count)
        self.line("\(name)_sum", [], Double(histogram.sum) / unit)
        self.line("\(name)_count", [], histogram.count)
    }

    private mutating func head(_ kind: Kind, _ name: String, _ help: String) {
        self.text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
    }

    private mutating func line(_ name: String, _ labels: [(String, String)], _ value: some CustomStringConvertible) {
        self.text += name
        if !labels.isEmpty {
            let pairs = labels.map { "\($0)=\"\(Self.escaped($1))\"" }
            self.text += "{\(pairs.joined(separator: ","))}"
        }
        self.text += " \(value)\n"
    }

    private static func escaped(_ value: String) -> String {
        value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
    }
}
