/// Why a store can not be opened or read.
package enum StoreError: Error, Hashable, Sendable {
    /// Another process holds it.
    case inUse(path: String, holder: String)
    case cannotOpen(path: String, reason: String)
    case notPermitted(path: String, reason: String)
    /// The file is something else, or another program's database.
    case notAStore(path: String, reason: String)
    case corrupt(path: String, reason: String)
    /// A newer broker has written it.
    case newerFormat(path: String, found: Int, supported: Int)
    /// A copy of it could not be made; nothing is left of it.
    case noCopy(path: String, reason: String)

    /// The status of the process that gives up for it, as in sysexits(3).
    package var exitCode: Int32 {
        switch self {
        case .inUse: 75
        case .notPermitted: 77
        case .cannotOpen, .noCopy: 74
        case .notAStore, .corrupt, .newerFormat: 65
        }
    }
}

extension StoreError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .inUse(let path, let holder):
            "the store \(path) is in use by \(holder); a store belongs to one broker at a time"
        case .cannotOpen(let path, let reason): "the store \(path) can not be opened: \(reason)"
        case .notPermitted(let path, let reason):
            "the store \(path) can not be used: \(reason)"
        case .notAStore(let path, let reason):
            "\(path) is not a store of wsbroker: \(reason); it was left as it is"
        case .corrupt(let path, let reason):
            """
            the store \(path) is damaged: \(reason). Nothing was changed. Keep a copy of it and of its '-wal' file; \
            'wsbroker store check' names all that is wrong. Then bring back a backup with 'wsbroker store restore', \
            or save what can be read with 'wsbroker store recover'
            """
        case .noCopy(let path, let reason): "no copy was made at \(path): \(reason)"
        case .newerFormat(let path, let found, let supported):
            "the store \(path) has format \(found) and this broker reads up to \(supported): use a newer broker"
        }
    }
}
