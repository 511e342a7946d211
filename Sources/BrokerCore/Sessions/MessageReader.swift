package import BrokerWire

/// Reads the messages of one connection: which dialect it speaks, and when it has spoken nonsense too often.
package struct MessageReader: Sendable {
    /// A message that is no request: the client is told, and closed if that was one too many.
    package struct Refusal: Error, Sendable {
        package var error: RequestError
        package var isLast: Bool
    }

    private enum Dialect {
        case undecided
        case envelope
        /// Every frame is a bare number.
        case plain
    }

    private var dialect = Dialect.undecided
    private let wire: WireLimits
    private let errorsMax: Int
    /// When the latest errors were made; empty for a client that makes none.
    private var errorTimes: [UInt64] = []

    private static let errorWindow = 10 * BrokerTime.nanosecondsPerSecond

    package init(limits: BrokerLimits) {
        self.wire = limits.wire
        self.errorsMax = limits.errorsPerTenSeconds
    }

    /// Reads `message`, which came at `now` on the monotonic clock and may be changed.
    package mutating func read(
        _ message: UnsafeMutableRawBufferPointer,
        now: UInt64
    ) throws(Refusal) -> Request {
        if self.dialect == .undecided {
            self.dialect = Self.number(in: UnsafeRawBufferPointer(message)) == nil ? .envelope : .plain
        }
        do throws(RequestError) {
            return try self.request(message)
        } catch {
            let counts = error.code.countsAsMalformed && error.id.isEmpty && error.seq == nil
            throw Refusal(error: error, isLast: counts && self.isOneTooMany(now))
        }
    }

    private func request(_ message: UnsafeMutableRawBufferPointer) throws(RequestError) -> Request {
        guard self.dialect == .plain else { return try RequestScanner.scan(message, limits: self.wire) }
        guard let number = Self.number(in: UnsafeRawBufferPointer(message)) else {
            throw RequestError(.badValue, "in plain mode every frame is one JSON number; this one was not counted")
        }
        var request = Request()
        request.operation = .plain
        request.data = number
        request.dataKind = .number
        request.messageBytes = UInt32(truncatingIfNeeded: message.count)
        return request
    }

    /// Where the number is, if the message is a JSON number and nothing else.
    private static func number(in message: UnsafeRawBufferPointer) -> ByteRange? {
        var json = JSONSkipper(message)
        json.skipBlank()
        let start = json.index
        guard json.current == UInt8(ascii: "-") || json.current &- UInt8(ascii: "0") <= 9 else { return nil }
        do throws(JSONSkipper.Problem) { try json.skipNumber() } catch { return nil }
        let end = json.index
        json.skipBlank()
        return json.isAtEnd ? ByteRange(start..<end) : nil
    }

    private mutating func isOneTooMany(_ now: UInt64) -> Bool {
        guard self.errorsMax > 0 else { return false }
        self.errorTimes.removeAll { $0 + Self.errorWindow <= now }
        self.errorTimes.append(now)
        return self.errorTimes.count >= self.errorsMax
    }
}
