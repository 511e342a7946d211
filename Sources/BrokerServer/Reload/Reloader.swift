import BrokerAggregation
import BrokerCore
import BrokerTransport
import Logging

/// Reads the configuration again and puts in force what of it can change while the broker runs (decision 0025).
///
/// All or nothing: a configuration that is wrong, or that does not fit what topics hold, changes nothing.
actor Reloader {
    struct Outcome: Codable, Hashable {
        /// How many topic rules there are now.
        var topics: Int
        /// The keys that were taken over.
        var changed: [String]
        /// The keys that changed too and count from the next start on.
        var needsRestart: [String]
    }

    enum Failure: Error {
        case configuration(ConfigurationError)
        case rules(RuleChangeRefusal)
        case stopping
    }

    /// What is in force.
    private var current: BrokerConfiguration
    private let registry: AggregatorRegistry
    private let loops: EventLoops
    private let authenticator: BrokerAuthenticator
    private let threshold: LogThreshold
    private let reread: BrokerApplication.Reread
    private let logger: Logger
    private var last: Task<Result<Outcome, Failure>, Never>?

    init(
        current: BrokerConfiguration,
        registry: AggregatorRegistry,
        loops: EventLoops,
        authenticator: BrokerAuthenticator,
        threshold: LogThreshold,
        reread: @escaping BrokerApplication.Reread,
        logger: Logger
    ) {
        self.current = current
        self.registry = registry
        self.loops = loops
        self.authenticator = authenticator
        self.threshold = threshold
        self.reread = reread
        self.logger = logger
    }

    /// Reloads, after whatever reload is under way: the file may have changed since that one has read it.
    func reload() async -> Result<Outcome, Failure> {
        let before = self.last
        let task = Task {
            _ = await before?.value
            return await self.reloadNow()
        }
        self.last = task
        return await task.value
    }

    private func reloadNow() async -> Result<Outcome, Failure> {
        let outcome = await self.outcome()
        switch outcome {
        case .success(let outcome): self.report(outcome)
        case .failure(let failure):
            self.logger.error(
                "the configuration was read again and is not used; everything is as before",
                metadata: ["reason": "\(failure)"]
            )
        }
        return outcome
    }

    private func outcome() async -> Result<Outcome, Failure> {
        let next: BrokerConfiguration
        let material: CredentialMaterial
        var changes: [String]
        do throws(ConfigurationError) {
            let wanted = try self.reread()
            changes = self.current.changedKeys(to: wanted)
            next = self.current.taking(reloadableFrom: wanted)
            // What is taken over has to fit what is not.
            let problems = next.problems(registry: self.registry)
            guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
            // The files may have changed where their names have not.
            material = try await CredentialMaterial.load(next)
        } catch {
            return .failure(.configuration(error))
        }
        if changes.contains("topics") {
            guard let rules = try? next.rules(registry: self.registry),
                let answer = try? await self.loops.changeRules(rules)
            else { return .failure(.stopping) }
            if case .failure(let refusal) = answer { return .failure(.rules(refusal)) }
        }
        changes = Set(changes).union(self.authenticator.reload(material)).sorted()
        material.warn(self.logger)
        self.loops.access.change(to: next.accessPolicy)
        // Who is connected is judged again, by who that was shown to be and by what it may do.
        do {
            try await self.loops.changeAccess(next.access) { [authenticator] identity in
                authenticator.isStillValid(identity, at: ProcessResources.wallClock())
            }
        } catch {
            return .failure(.stopping)
        }
        self.current = next
        self.threshold.set(Logger.Level(rawValue: next.logLevel) ?? .info)
        return .success(
            Outcome(
                topics: next.topics.count,
                changed: changes.filter(BrokerConfiguration.isReloadable),
                needsRestart: changes.filter { !BrokerConfiguration.isReloadable($0) }
            )
        )
    }

    private func report(_ outcome: Outcome) {
        self.logger.notice(
            "the configuration was read again",
            metadata: ["rules": "\(outcome.topics)", "changed": "\(outcome.changed.joined(separator: " "))"]
        )
        guard !outcome.needsRestart.isEmpty else { return }
        self.logger.warning(
            "some keys that changed need a restart",
            metadata: ["keys": "\(outcome.needsRestart.joined(separator: " "))"]
        )
    }
}

extension Reloader.Failure: CustomStringConvertible {
    /// Everything that is wrong, a line each.
    var problems: [String] {
        switch self {
        case .configuration(let error): error.problems.map(\.description)
        case .rules(let refusal): refusal.conflicts.map(\.description)
        case .stopping: []
        }
    }

    var description: String {
        switch self {
        case .configuration(let error): "the configuration is wrong:\n\(error)"
        case .rules(let refusal): "\(refusal)"
        case .stopping: "the broker stops"
        }
    }
}
