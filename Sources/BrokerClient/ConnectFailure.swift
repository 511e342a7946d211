import NIOCore
import NIOPosix

/// Why there was no TCP connection, in words that name the broker and not the library.
enum ConnectFailure {
    static func describe(_ error: any Error, to address: BrokerAddress) -> String {
        "cannot connect to \(address): \(Self.reason(error))"
    }

    static func reason(_ error: any Error) -> String {
        switch error {
        case let error as NIOConnectionError:
            // Each address of the name was tried; they nearly always failed for the same reason.
            if let failure = error.connectionErrors.first { return Self.reason(failure.error) }
            let failure = error.dnsAError ?? error.dnsAAAAError
            return failure == nil ? "the name has no address" : "the name can not be resolved"
        case ChannelError.connectTimeout:
            return "no answer in time"
        case let error as IOError:
            // "connection reset (error set): Connection refused) (errno: 111)", of which people need the middle.
            let text = error.description
            guard let start = text.firstRange(of: "): ")?.upperBound else { return text }
            return String(text[start...].prefix { $0 != "(" && $0 != ")" })
        default:
            return "\(error)"
        }
    }
}
