package import BrokerCore
package import BrokerStore

/// Why a broker ended or did not start.
package enum BrokerError: Error, CustomStringConvertible {
    case configuration(ConfigurationError)
    case store(StoreError)
    case restore(RestoreError)
    /// Something else listens there already.
    case addressInUse(listener: String, host: String, port: Int)
    case cannotListen(listener: String, host: String, port: Int, reason: String)
    /// The outcome of a commit is unknown, so the store was stopped.
    case storageFailed(reason: String)
    /// A running broker did not make the backup that it was asked for.
    case backupRefused(reason: String)
    /// No broker answers on the admin listener.
    case noBroker(url: String)
    /// A running broker did not do what it was asked for.
    case refused(reason: String)

    /// The status of the process, as in sysexits(3).
    package var exitCode: Int32 {
        switch self {
        case .configuration: 78
        case .store(let error): error.exitCode
        case .restore(.aggregatorChanged), .restore(.numberChanged): 78
        case .restore(.unreadable): 65
        case .addressInUse, .cannotListen, .noBroker: 69
        case .refused: 1
        case .storageFailed, .backupRefused: 74
        }
    }

    package var description: String {
        switch self {
        case .configuration(let error): "the configuration is wrong:\n\(error)"
        case .store(let error): "\(error)"
        case .restore(let error): "\(error)"
        case .addressInUse(let listener, let host, let port):
            """
            \(host):\(port) is in use by another program; choose another port with \(listener).port, \
            or find out whose it is with: ss -ltnp 'sport = :\(port)'
            """
        case .cannotListen(let listener, let host, let port, let reason):
            "can not listen on \(host):\(port) (\(listener)): \(reason)"
        case .backupRefused(let reason), .refused(let reason): reason
        case .noBroker(let url) where url.hasPrefix("https:"):
            """
            no broker answers at \(url) (admin.port), or none with the certificate that the configuration names; \
            after a renewal only SIGHUP reaches it
            """
        case .noBroker(let url): "no broker answers at \(url) (admin.port)"
        case .storageFailed(let reason): "the store failed and was stopped: \(reason)"
        }
    }
}
