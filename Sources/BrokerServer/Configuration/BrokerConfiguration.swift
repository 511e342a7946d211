import BrokerCore
package import BrokerTransport

/// Everything an operator can set, with its defaults.
///
/// Keys, units and ranges stand in ``ConfigurationKey/all``; `wsbroker config doc` prints them.
package struct BrokerConfiguration: Sendable {
    package struct Listen: Hashable, Sendable {
        package var host: String
        package var port: Int

        /// Whether only this machine reaches it.
        var isLoopback: Bool {
            let isNumber = self.host.utf8.allSatisfy { $0 == UInt8(ascii: ".") || 0x30...0x39 ~= $0 }
            return self.host == "localhost" || self.host == "::1" || (isNumber && self.host.hasPrefix("127."))
        }
    }

    /// The page that shows what happens.
    package struct Dashboard: Hashable, Sendable {
        package var isEnabled = true
        /// Where its files are; empty for where they are installed.
        package var files = ""
        /// The library that it draws with; not ours, so it is the system's.
        package var chart = "/usr/share/javascript/chart.js/Chart.min.js"
    }

    /// The format of log lines.
    package enum LogFormat: String, CaseIterable, Sendable {
        case text
        case json
    }

    package var listen = Listen(host: "127.0.0.1", port: 8181)
    package var listenTLS = TLSSettings()
    /// Whether other machines may be served without TLS.
    package var listenInsecure = false
    /// Health, and later metrics and administration, on a listener of their own, so that what faces the world never
    /// serves them.
    package var admin = Listen(host: "127.0.0.1", port: 8182)
    package var storePath = "data/wsbroker.db"
    /// With less than this free on the store's disk nothing more is stored; 0 to go on until it is full.
    package var storeReservedBytes = 64 << 20
    /// The size of a file that is deleted when the disk is full; 0 for none.
    package var storeSpareBytes = 16 << 20
    /// What bare numbers are published to.
    package var plainTopic = "total"
    package var transport = TransportConfiguration()
    package var logLevel = "info"
    package var logFormat = LogFormat.text
    /// How many event loops; 0 for one for each core that the process may use.
    package var eventLoops = 0
    /// Whether a crash may leave a file with the memory of the process, in which messages and tokens are.
    package var mayDumpCore = false
    /// What clients without credentials may do, or `nil` if nothing was said about it.
    package var anonymousRights: [String]?
    /// Who may do what with which topics, or `nil` if nothing was said about it.
    package var accessRules: [AccessRuleConfiguration]?
    package var authentication = AuthenticationConfiguration()
    package var topics: [TopicRuleConfiguration] = Self.defaultTopics
    /// The pages of other places that may use the interface, as browsers name them.
    package var origins: [String] = []
    /// Whose word about where a client comes from is taken: addresses and networks.
    package var proxies: [String] = []
    /// The most requests that stay, for events or for news of a topic: each holds a connection and a session.
    package var streams = 1000
    /// The longest that one of them waits for news: proxies give up after a minute or so.
    package var waitSeconds = 60
    package var dashboard = Dashboard()

    package init() {}

    /// A total for bare numbers, and counters of clicks.
    static let defaultTopics = [
        TopicRuleConfiguration(topic: "total", aggregate: .init(name: "sum")),
        TopicRuleConfiguration(topic: "clicks", aggregate: .init(name: "sum"), number: "int"),
        TopicRuleConfiguration(topic: "clicks/+", aggregate: .init(name: "sum"), number: "int"),
    ]

    /// What anonymous clients may do where nothing is said, about them or about credentials.
    static let defaultRights = ["publish", "subscribe"]
    static let knownRights = Rights.names.map(\.name)
}

/// A rule as it is written.
package struct TopicRuleConfiguration: Hashable, Sendable {
    package struct Aggregate: Hashable, Sendable {
        package var name: String
        var parameters: JSONValue = .object([:])

        init(name: String, parameters: JSONValue = .object([:])) {
            self.name = name
            self.parameters = parameters
        }
    }

    package var topic: String
    package var aggregate: Aggregate?
    package var number = "decimal"
    package var strict = false
    package var durability = "disk"
    /// Where the number is in what is published.
    package var value = ""
    package var key: String?
    package var condition: String?
    package var from: String?
    /// The fold of each key's samples, which `aggregate` then folds across keys.
    package var perKey: Aggregate?
    package var staleAfter: String?
    package var maxKeys: Int?
    package var onFull: String?
    package var window: WindowConfiguration?
    package var alerts: [AlertConfiguration] = []
    /// Whether its topics are among the broker's metrics, by name.
    package var metrics = false

    static let keys = [
        "topic", "aggregate", "number", "strict", "durability", "value", "key", "where", "from", "perKey", "staleAfter",
        "maxKeys", "onFull", "window", "alerts", "metrics",
    ]
}

/// One thing that is wrong with a configuration.
package struct ConfigurationProblem: Hashable, Sendable, CustomStringConvertible {
    /// Where: a key's path, with the place it came from if that is not the file.
    package var path: String
    package var text: String

    package var description: String { self.path.isEmpty ? self.text : "\(self.path): \(self.text)" }
}

/// Everything that is wrong with a configuration, at once.
package struct ConfigurationError: Error, CustomStringConvertible {
    package var problems: [ConfigurationProblem]

    package var description: String {
        self.problems.map { "  \($0)" }.joined(separator: "\n")
    }
}
