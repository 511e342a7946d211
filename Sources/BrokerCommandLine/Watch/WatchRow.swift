import BrokerClient

/// One topic on the live screen.
struct WatchRow {
    /// How many samples are kept: as many as the widest screen shows.
    static let samplesMax = 240
    /// How far back the rate looks.
    private static let marksMax = 6

    /// The newest value, as a person reads it.
    private(set) var value = ""
    private(set) var changedAt: Duration = .zero
    /// The number at the end of each second.
    private(set) var samples: [Double] = []
    private var number: Double?
    private var offset: UInt64 = 0
    private var marks: [(time: Duration, offset: UInt64)] = []

    mutating func take(_ message: Message, at time: Duration) {
        var text: [UInt8] = []
        PayloadText.append(message.exact.map { Array($0.utf8) } ?? message.data, to: &text)
        self.value = TerminalText.plain(String(decoding: text, as: UTF8.self))
        self.number = Double(self.value).flatMap { $0.isFinite ? $0 : nil }
        // The first value may be old; when it changed is not known.
        if self.offset > 0 || !message.isRetained { self.changedAt = time }
        // A life that is over counts no more.
        if message.offset < self.offset { self.marks = [] }
        self.offset = message.offset
        if self.marks.isEmpty { self.marks = [(time, message.offset)] }
    }

    /// A second is over.
    mutating func sample(at time: Duration) {
        if let number = self.number {
            self.samples.append(number)
            if self.samples.count > Self.samplesMax { self.samples.removeFirst() }
        }
        self.marks.append((time, self.offset))
        if self.marks.count > Self.marksMax { self.marks.removeFirst() }
    }

    /// How many changes a second the topic has had of late, those included that were skipped on the way here.
    var rate: Double {
        guard let first = self.marks.first, let last = self.marks.last, last.time > first.time else { return 0 }
        return Double(last.offset - first.offset) / ((last.time - first.time) / .seconds(1))
    }
}
