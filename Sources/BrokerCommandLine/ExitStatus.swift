import BrokerClient
import BrokerWire

/// How a command ends, as the number that a shell script sees.
public enum ExitStatus: Int32, Sendable, CaseIterable {
    /// All that was asked for was done.
    case success = 0
    /// Something went wrong that none of the other numbers tells.
    case runtime = 1
    /// The command line was wrong.
    case usage = 2
    /// The broker could not be reached, or is none.
    case cannotConnect = 3
    /// The broker answered, and refused for what was asked (40xx, 44xx); correct it.
    case refused = 4
    /// The broker refused for who asked (41xx).
    case refusedIdentity = 5
    /// Publishes were sent whose outcome is unknown.
    case unknown = 6
    /// The time that `-W` allowed was over; the number is that of `mosquitto_sub`.
    case timeout = 27
    /// Somebody else publishes under the producer's name now (4104, 4105).
    case fenced = 76

    /// The status that tells of `error` when it ended the command.
    init(_ error: ClientError) {
        self =
            switch error.code {
            case .producerTaken: .fenced
            case _ where error.brokerCode.map { Self(refusal: $0) } == .fenced: .fenced
            case _ where error.isAboutIdentity: .refusedIdentity
            case .cannotConnect, .handshakeRefused: .cannotConnect
            case .refused: Self(refusal: error.brokerCode ?? 0)
            case .messageTooLarge, .invalidArgument: .refused
            case .outcomeUnknown: .unknown
            default: .runtime
            }
    }

    /// The status that tells of a refusal with the number `code`.
    init(refusal code: UInt16) {
        self =
            switch code {
            case ErrorCode.fenced.rawValue, ErrorCode.replaced.rawValue: .fenced
            case 4100..<4200: .refusedIdentity
            case 4000..<4100, 4400..<4500: .refused
            // The broker does not know itself whether it stored it.
            case 4204: .unknown
            default: .runtime
            }
    }

    /// What `--help` says about them.
    static let help = """
        Exit status: 0 success; 1 other failure; 2 wrong usage; 3 cannot connect; 4 refused, correct the request \
        (40xx, 44xx); 5 refused for credentials or identity (41xx); 6 publishes of unknown outcome; 27 the time of \
        -W was over; 76 another process publishes under the same --producer.
        """
}
