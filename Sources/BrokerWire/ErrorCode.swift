/// The number that a client receives when the broker refuses a request, or closes a connection for it.
///
/// The numbers are public API and are never reused. The text that travels beside a number is for people and may
/// change in any release.
///
/// | Range | What to do |
/// |---|---|
/// | 40xx | Correct the request. |
/// | 41xx | Credentials or identity: do not reconnect by yourself. |
/// | 42xx | Back off and try again. |
/// | 43xx | Reconnect. |
/// | 44xx | State: what was asked for is not there. |
public enum ErrorCode: UInt16, Sendable, CaseIterable {
    case badJSON = 4000
    case badEnvelope = 4001
    case badTopic = 4002
    case badFilter = 4003
    case badValue = 4004
    case unsupportedVersion = 4005
    case noProducer = 4006
    case seqExpired = 4007
    case seqGap = 4008
    case onceConflict = 4009
    case unauthenticated = 4100
    case tokenExpired = 4101
    case tokenInvalid = 4102
    case forbidden = 4103
    case fenced = 4104
    case replaced = 4105
    case `internal` = 4200
    case overloaded = 4201
    case rateLimited = 4202
    case storageFull = 4203
    case storageUnknown = 4204
    case limitReached = 4205
    case restarting = 4300
    case slowConsumer = 4301
    case idle = 4302
    case tooManyErrors = 4304
    case positionUnrecoverable = 4400
    case producerUnknown = 4401
    case noValue = 4404

    /// The name that travels as `name`.
    public var name: StaticString {
        switch self {
        case .badJSON: "bad_json"
        case .badEnvelope: "bad_envelope"
        case .badTopic: "bad_topic"
        case .badFilter: "bad_filter"
        case .badValue: "bad_value"
        case .unsupportedVersion: "unsupported_version"
        case .noProducer: "no_producer"
        case .seqExpired: "seq_expired"
        case .seqGap: "seq_gap"
        case .onceConflict: "once_conflict"
        case .unauthenticated: "unauthenticated"
        case .tokenExpired: "token_expired"
        case .tokenInvalid: "token_invalid"
        case .forbidden: "forbidden"
        case .fenced: "fenced"
        case .replaced: "replaced"
        case .internal: "internal"
        case .overloaded: "overloaded"
        case .rateLimited: "rate_limited"
        case .storageFull: "storage_full"
        case .storageUnknown: "storage_unknown"
        case .limitReached: "limit_reached"
        case .restarting: "restarting"
        case .slowConsumer: "slow_consumer"
        case .idle: "idle"
        case .tooManyErrors: "too_many_errors"
        case .positionUnrecoverable: "position_unrecoverable"
        case .producerUnknown: "producer_unknown"
        case .noValue: "no_value"
        }
    }

    /// What to do about it, as the word that travels as `retry`.
    public var retry: Retry {
        switch self.rawValue {
        case 4204: .resend
        case 4200..<4300: .later
        case 4300..<4400: .reconnect
        default: .no
        }
    }

    /// Whether the frame that earned this code was no valid request at all.
    ///
    /// Twenty of those within ten seconds close the connection; verdicts on well-formed requests never do.
    package var countsAsMalformed: Bool { (4000..<4100).contains(self.rawValue) }
}

/// What a client can do about a refusal.
public enum Retry: String, Sendable {
    /// The same request will be refused again.
    case no
    /// The same request may succeed after `afterMs`.
    case later
    /// The outcome is unknown; sending again is safe only with `seq` or `once`.
    case resend
    /// A new connection may succeed.
    case reconnect
}
