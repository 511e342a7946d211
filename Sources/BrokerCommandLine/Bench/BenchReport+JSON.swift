import BrokerClient
import BrokerWire

extension BenchReport {
    /// A run as one JSON object in a line, for programs.
    static func json(of result: BenchResult) -> String {
        let plan = result.plan
        let tally = result.tally
        let (window, rate): (JSONText, JSONText) =
            switch plan.pace {
            case .window(let size): (.integer(size), .null)
            case .rate(let rate): (.null, .decimal(rate, digits: 3))
            }
        let object = JSONText.object([
            ("url", .string(plan.address.origin)),
            ("topic", .string("\(plan.base)")),
            ("topics", .integer(plan.topics.count)),
            ("publishers", .integer(plan.publishers)),
            ("subscribers", .integer(plan.subscribers)),
            ("payload", .string(plan.payload == .number ? "number" : "event")),
            ("payloadBytes", .integer(plan.payloadBytes)),
            ("window", window),
            ("rate", rate),
            ("durable", .boolean(plan.isDurable)),
            ("mode", plan.options.mode.map { .string($0.rawValue) } ?? .null),
            ("warmUpSeconds", .decimal(plan.warmUpSeconds, digits: 3)),
            ("seconds", .decimal(result.seconds, digits: 3)),
            ("published", Self.published(result)),
            ("acknowledged", Self.acknowledged(result)),
            ("delivered", plan.subscribers > 0 ? Self.delivered(result) : .null),
            ("lateMicroseconds", plan.pace.isRate ? Self.latency(tally.lateness) : .null),
            ("errors", .array(Self.sortedFailures(of: tally).map(Self.failure))),
            ("threads", .integer(plan.threads)),
            ("cores", .decimal(result.cores, digits: 3)),
            ("interrupted", .boolean(result.interruption != nil)),
        ])
        return "\(object)\n"
    }

    private static func published(_ result: BenchResult) -> JSONText {
        .object([
            ("count", .integer(result.tally.published)),
            ("perSecond", .decimal(result.publishedPerSecond, digits: 1)),
            ("bytesPerSecond", .decimal(result.publishedBytesPerSecond, digits: 1)),
            ("unsent", .integer(result.unsent)),
        ])
    }

    private static func acknowledged(_ result: BenchResult) -> JSONText {
        .object([
            ("count", .integer(result.tally.acknowledged)),
            ("perSecond", .decimal(result.acknowledgedPerSecond, digits: 1)),
            ("unanswered", .integer(result.unanswered)),
            ("latencyMicroseconds", Self.latency(result.tally.acknowledgementLatency)),
        ])
    }

    private static func delivered(_ result: BenchResult) -> JSONText {
        .object([
            ("count", .integer(result.tally.delivered)),
            ("perSecond", .decimal(result.deliveredPerSecond, digits: 1)),
            ("bytesPerSecond", .decimal(result.deliveredBytesPerSecond, digits: 1)),
            ("expected", result.expectedEvents.map { .integer($0) } ?? .null),
            ("unmatched", .integer(result.unmatched)),
            ("latencyMicroseconds", Self.latency(result.tally.deliveryLatency)),
        ])
    }

    private static func failure(_ failure: BenchTally.Failure, _ failures: BenchTally.Failures) -> JSONText {
        .object([
            ("code", failure.code.map { .integer(Int($0)) } ?? .null),
            ("name", .string(failure.name)),
            ("count", .integer(failures.count)),
            ("reason", .string(failures.reason)),
        ])
    }

    private static func latency(_ latency: LatencyHistogram) -> JSONText {
        guard latency.count > 0 else { return .null }
        func microseconds(_ nanoseconds: UInt64?) -> JSONText {
            .decimal(Double(nanoseconds ?? 0) / 1000, digits: 1)
        }
        return .object([
            ("count", .integer(Int(latency.count))),
            ("p50", microseconds(latency.value(at: 0.5))),
            ("p99", microseconds(latency.value(at: 0.99))),
            ("p999", microseconds(latency.value(at: 0.999))),
            ("max", microseconds(latency.max)),
        ])
    }
}

extension BenchPlan.Pace {
    var isRate: Bool {
        if case .rate = self { true } else { false }
    }
}

/// JSON that is written and never read.
private enum JSONText: CustomStringConvertible {
    case null
    case boolean(Bool)
    case integer(Int)
    case decimal(Double, digits: Int)
    case string(String)
    case array([JSONText])
    /// Its fields in order.
    case object([(String, JSONText)])

    var description: String {
        switch self {
        case .null: "null"
        case .boolean(let value): "\(value)"
        case .integer(let value): "\(value)"
        case .decimal(let value, let digits): Figures.decimal(value, digits: digits)
        case .string(let text): Self.quoted(text)
        case .array(let elements): "[\(elements.map(\.description).joined(separator: ","))]"
        case .object(let fields):
            "{\(fields.map { "\(Self.quoted($0.0)):\($0.1)" }.joined(separator: ","))}"
        }
    }

    private static func quoted(_ text: String) -> String {
        var bytes: [UInt8] = []
        JSONString.appendEscaped(text.utf8, to: &bytes)
        return "\"\(String(decoding: bytes, as: UTF8.self))\""
    }
}
