package import Logging
import Synchronization

/// The least important level that is logged, for all loggers of a process: it can be changed while they are used.
package final class LogThreshold: Sendable {
    private let current: Atomic<Int>

    package init(_ level: Logger.Level) { self.current = Atomic(Self.number(of: level)) }

    package var level: Logger.Level { Logger.Level.allCases[self.current.load(ordering: .relaxed)] }

    package func set(_ level: Logger.Level) { self.current.store(Self.number(of: level), ordering: .relaxed) }

    private static func number(of level: Logger.Level) -> Int { Logger.Level.allCases.firstIndex(of: level) ?? 0 }
}
