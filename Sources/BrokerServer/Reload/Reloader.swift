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
        /// The keys that were taken over; a certificate too whose file holds another one.
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
    private let tls: ServerTLS?
    private let threshold: LogThreshold
    private let reread: BrokerApplication.Reread
    private let logger: Logger
    private var last: Task<Result<Outcome, Failure>, Never>?

    init(
        current: BrokerConfiguration,
        registry: AggregatorRegistry,
        loops: EventLoops,
        authenticator: BrokerAuthenticator,
        tls: ServerTLS?,
        threshold: LogThreshold,
        reread: @escaping BrokerApplication.Reread,
        logger: Logger
    ) {
        self.current = current
        self.registry = registry
        self.loops = loops
        self.authenticator = authenticator
        self.tls = tls
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

    /// What a configuration that was read again comes to, and everything that it needs.
    private struct Next {
        /// What was read.
        var wanted: BrokerConfiguration
        /// What of it is taken over, with the rest as it is.
        var configuration: BrokerConfiguration
        var files: ConfiguredFiles
        /// The keys that say something else.
        var changes: Set<String>
    }

    /// The files are read each time: what they hold may have changed where their names have not.
    private func next() async throws(ConfigurationError) -> Next {
        let wanted = try self.reread()
        let configuration = self.current.taking(reloadableFrom: wanted)
        // What is taken over has to fit what is not.
        var problems = configuration.problems(registry: self.registry)
        var files: ConfiguredFiles?
        do throws(ConfigurationError) {
            files = try await ConfiguredFiles(of: configuration)
        } catch {
            problems += error.problems
        }
        if let tls = files?.tls, self.tls?.isWorse(tls) == true {
            let text = "'\(configuration.listenTLS.certificate)' has expired; clients would refuse it"
            problems.append(ConfigurationProblem(path: "listen.tls.certificate", text: text))
        }
        guard problems.isEmpty, let files else { throw ConfigurationError(problems: problems) }
        return Next(
            wanted: wanted,
            configuration: configuration,
            files: files,
            changes: Set(self.current.changedKeys(to: wanted))
        )
    }

    private func outcome() async -> Result<Outcome, Failure> {
        var next: Next
        do throws(ConfigurationError) {
            next = try await self.next()
        } catch {
            return .failure(.configuration(error))
        }
        if next.changes.contains("topics") {
            guard let rules = try? next.configuration.rules(registry: self.registry),
                let answer = try? await self.loops.changeRules(rules)
            else { return .failure(.stopping) }
            if case .failure(let refusal) = answer { return .failure(.rules(refusal)) }
        }
        // Nothing can go wrong from here on, but that the broker stops.
        next.changes.formUnion(self.authenticator.reload(next.files.credentials))
        self.logger.warn(of: next.files)
        if next.changes.contains("auth.rules") { self.logger.warn(ofRulesIn: next.configuration) }
        if let tls = self.tls, let material = next.files.tls, tls.exchange(for: material) {
            next.changes.insert("listen.tls.certificate")
        }
        self.loops.access.change(to: next.configuration.accessPolicy)
        // Who is connected is judged again, by who that was shown to be and by what it may do.
        do {
            try await self.loops.changeAccess(next.configuration.access) { [authenticator] in
                authenticator.standing(of: $0)
            }
        } catch {
            return .failure(.stopping)
        }
        let before = self.current
        self.current = next.configuration
        self.threshold.set(Logger.Level(rawValue: next.configuration.logLevel) ?? .info)
        return .success(
            Outcome(
                topics: next.configuration.topics.count,
                changed: next.changes.filter { before.isReloadable($0, from: next.wanted) }.sorted(),
                needsRestart: next.changes.filter { !before.isReloadable($0, from: next.wanted) }.sorted()
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
