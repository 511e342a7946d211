import BrokerWire

/// The events that are published: a JSON string of a given size that says when it was to be sent, and by which run.
///
/// `"` + eight digits of the run + sixteen of the time, both hexadecimal + padding + `"`
struct EventPayload {
    /// The least that holds a run and a time.
    static let bytesMin = 26

    private static let runDigits = 8
    private static let timeDigits = 16

    /// The message, which the last time stands in.
    private(set) var bytes: [UInt8]
    private let prefix: [UInt8]

    /// - `size`: How many bytes, quotes included; at least ``bytesMin``.
    /// - `run`: What tells this run's events from those of others on the same topic.
    init(size: Int, run: UInt32) {
        precondition(size >= Self.bytesMin, "an event holds its run and its time")
        var prefix = [UInt8(ascii: "\"")]
        Self.append(UInt64(run), digits: Self.runDigits, to: &prefix)
        self.prefix = prefix
        self.bytes = prefix
        self.bytes += repeatElement(UInt8(ascii: "x"), count: size - prefix.count - 1)
        self.bytes.append(UInt8(ascii: "\""))
    }

    /// Puts `intended` into the message.
    mutating func stamp(_ intended: UInt64) {
        for index in 0..<Self.timeDigits {
            let shift = UInt64(4 * (Self.timeDigits - 1 - index))
            self.bytes[self.prefix.count + index] = Self.digit(UInt8(truncatingIfNeeded: intended >> shift) & 15)
        }
    }

    /// When `message` was to be sent, if it is one of this run's.
    func time(in message: [UInt8]) -> UInt64? {
        guard message.count == self.bytes.count, message.starts(with: self.prefix) else { return nil }
        var time: UInt64 = 0
        for byte in message[self.prefix.count..<self.prefix.count + Self.timeDigits] {
            guard let digit = Self.value(byte) else { return nil }
            time = time << 4 | UInt64(digit)
        }
        return time
    }

    private static func append(_ value: UInt64, digits: Int, to target: inout [UInt8]) {
        for index in (0..<digits).reversed() {
            target.append(Self.digit(UInt8(truncatingIfNeeded: value >> UInt64(4 * index)) & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        default: nil
        }
    }
}
