import BrokerAggregation
import BrokerTestKit
import BrokerTransport
import Foundation
import NIOCore
import Testing

@testable import BrokerServer

/// What operators can set, and what they are told when it is wrong.
@Suite("Configuration")
struct ConfigurationTests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func problems(_ json: String, environment: [String: String] = [:], set: [String] = []) throws -> [String] {
        do throws(ConfigurationError) {
            _ = try self.load(json, environment: environment, set: set)
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private func load(
        _ json: String,
        environment: [String: String] = [:],
        set: [String] = []
    )
        throws(ConfigurationError) -> BrokerConfiguration
    {
        var loader = ConfigurationLoader()
        loader.apply(file: Array(json.utf8), named: "config.json")
        loader.apply(environment: environment)
        for assignment in set { loader.apply(flag: assignment) }
        let problems = loader.problems + loader.configuration.problems(registry: .builtIn)
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return loader.configuration
    }

    @Test func theFileAtTheTopIsTheDefaultConfigurationWithEveryKey() throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("config.json"), encoding: .utf8)
        let document = try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
        #expect(document == BrokerConfiguration().document)
        #expect(try self.problems(text) == [])
    }

    @Test func theReferenceInTheDocumentationIsTheOneThatTheBrokerPrints() throws {
        let file = Self.root.appendingPathComponent("docs/configuration.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(text.contains(ConfigurationReference.markdown), "run: wsbroker config doc")
    }

    @Test func theAggregatorsInTheDocumentationAreTheOnesThatTheBrokerPrints() throws {
        let file = Self.root.appendingPathComponent("docs/aggregation.md")
        let text = try String(contentsOf: file, encoding: .utf8)
        let reference = AggregatorReference.markdown(AggregatorRegistry.builtIn.descriptors)
        #expect(text.contains(reference), "run: wsbroker aggregators --markdown")
    }

    /// Every block of JSON on these pages is a configuration that runs as it stands.
    @Test(arguments: [
        "docs/aggregation.md", "docs/authentication.md", "docs/configuration.md", "docs/security.md", "README.md",
    ])
    func everyConfigurationInTheDocumentationIsRight(page: String) throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent(page), encoding: .utf8)
        let blocks = text.components(separatedBy: "```json\n").dropFirst().compactMap {
            $0.components(separatedBy: "\n```").first
        }
        #expect(!blocks.isEmpty)
        for block in blocks { #expect(try self.problems(block) == [], "\(block)") }
    }

    @Test func flagsOverrideTheEnvironmentWhichOverridesTheFile() throws {
        let file = #"{"listen":{"port":1},"admin":{"port":2},"store":{"path":"file.db"}}"#
        let environment = ["WSBROKER_LISTEN_PORT": "10", "WSBROKER_ADMIN_PORT": "20"]
        let configuration = try self.load(file, environment: environment, set: ["listen.port=100"])
        #expect(configuration.listen.port == 100)
        #expect(configuration.admin.port == 20)
        #expect(configuration.storePath == "file.db")
        #expect(configuration.listen.host == "127.0.0.1")
    }

    @Test(arguments: ConfigurationKey.all.map(\.path))
    func everyKeyTakesItsOwnDefaultAndRefusesAList(path: String) throws {
        let key = try #require(ConfigurationKey.all.first { $0.path == path })
        var configuration = BrokerConfiguration()
        #expect(key.set(key.get(configuration), &configuration) == nil)
        #expect(key.set(.array([]), &configuration) != nil)
        #expect(configuration.document == BrokerConfiguration().document)
    }

    @Test func everyKeyCanBeSetByItsVariable() throws {
        for key in ConfigurationKey.all {
            let text: String =
                switch key.get(BrokerConfiguration()) {
                case .string(let text): text
                case .number(let number): "\(Int(number))"
                case .bool(let flag): "\(flag)"
                default: ""
                }
            #expect(try self.problems("{}", environment: [key.variable: text]) == [], "\(key.variable)")
        }
    }

    @Test func anUnknownKeyIsNamedWithTheNearestKnownOne() throws {
        #expect(
            try self.problems(#"{"lisen":{"port":1}}"#) == ["lisen: unknown key; did you mean 'listen'?"]
        )
        #expect(try self.problems(#"{"topic":[]}"#) == ["topic: unknown key; did you mean 'topics'?"])
        #expect(
            try self.problems(#"{"limits":{"conections":1}}"#)
                == ["limits.conections: unknown key; did you mean 'limits.connections'?"]
        )
        #expect(
            try self.problems("{}", environment: ["WSBROKER_LISTEN_PROT": "1"])
                == ["WSBROKER_LISTEN_PROT: unknown key; did you mean 'WSBROKER_LISTEN_PORT'?"]
        )
    }

    @Test(arguments: ["listen.foo", "foo", "topics[0].foo"]) func whatIsNotNearIsNotSuggested(path: String) throws {
        for text in [#"{"listen":{"foo":1}}"#, #"{"foo":1}"#, #"{"topics":[{"topic":"a","foo":1}]}"#] {
            let problems = try self.problems(text)
            if problems.first?.hasPrefix(path + ":") == true { #expect(problems == ["\(path): unknown key"]) }
        }
        #expect(
            try self.problems("{}", environment: ["WSBROKER_LISTEN_FOO": "1"]) == ["WSBROKER_LISTEN_FOO: unknown key"]
        )
    }

    @Test(arguments: [
        ("{\"listen\": {\n  \"port\": 1\n  \"host\": 2}}", "line 3, column 3"), ("{\"ä\": x}", "line 1, column 7"),
        ("{} {}", "line 1, column 4"), ("{\r\n\"a\" 1}", "line 2, column 5"), ("[1", "line 1, column 3"),
        ("{\"a\": \"b\n\"}", "line 1, column 9"), ("\u{FEFF}{,}", "line 1, column 2"),
    ])
    func theFirstMistakeInJSONIsSaidByItsPlace(text: String, place: String) throws {
        #expect(try self.problems(text) == ["config.json: is not JSON: the mistake is at \(place)"])
    }

    @Test func allProblemsAreReportedAtOnce() throws {
        let problems = try self.problems(
            """
            {"listen":{"port":70000},"limits":{"frameTimeout":"10","messageBytes":"1MiB","outboxBytes":"64KiB"},
             "topics":[{"aggregate":"sum"},{"topic":"a","aggregate":"median"},{"topic":"a","strict":"yes"}]}
            """
        )
        #expect(problems.count == 7)
        for start in [
            "limits.frameTimeout: has to be a duration", "listen.port: has to be a whole number",
            "topics[0]: 'topic' is missing", "topics[1].aggregate: there is no aggregator 'median'",
            "topics[2].topic: 'a' is the filter of topics[1] too", "topics[2].strict: can not be a string",
            "limits.outboxBytes: must not be less than limits.messageBytes",
        ] {
            #expect(problems.contains { $0.hasPrefix(start) }, "missing: \(start) in \(problems)")
        }
    }

    @Test func aRuleThatCanNeverBeUsedIsAProblem() throws {
        let problems = try self.problems(#"{"topics":[{"topic":"a/+"},{"topic":"a/+","aggregate":"sum"}]}"#)
        #expect(problems == ["topics[1].topic: 'a/+' is the filter of topics[0] too, so this rule is never used"])
        let hidden = try self.problems(#"{"topics":[{"topic":"a/+"},{"topic":"a/b"},{"topic":"a/#"}]}"#)
        #expect(hidden == ["topics[1].topic: topics[0] 'a/+' governs all of 'a/b', so this rule is never used"])
    }

    @Test func beyondLoopbackAnonymousAccessHasToBeSaidInSoManyWords() throws {
        let open = #"{"listen":{"host":"0.0.0.0","insecure":true}}"#
        #expect(try self.problems(open).count == 1)
        #expect(try self.problems(open)[0].contains(#""auth": {"anonymous": ["publish", "subscribe"]}"#))
        let said = #"{"listen":{"host":"0.0.0.0","insecure":true},"auth":{"anonymous":["publish","subscribe"]}}"#
        #expect(try self.problems(said) == [])
    }

    @Test(arguments: ["[]", "1", "{", "", "{} x"])
    func aFileThatIsNoObjectIsRefused(text: String) throws {
        #expect(try self.problems(text).count == 1)
    }

    @Test(arguments: [
        ("64KiB", 65_536), ("1MiB", 1_048_576), ("0B", 0), ("10kB", 10_000), ("1", nil), ("-1B", nil), ("1 KiB", nil),
        ("KiB", nil), ("1kib", nil), ("99999999999GiB", nil), ("1.5MiB", nil),
    ])
    func aSizeHasANumberAndAUnit(text: String, bytes: Int64?) {
        #expect(Quantity.size(text) == bytes)
    }

    @Test(arguments: [
        ("250ms", 250_000_000), ("10s", 10_000_000_000), ("2m", 120_000_000_000), ("1h", 3_600_000_000_000),
        ("10", nil), ("s", nil), ("1 s", nil), ("1e3s", nil),
    ])
    func aDurationHasANumberAndAUnit(text: String, nanoseconds: Int64?) {
        #expect(Quantity.duration(text) == nanoseconds)
    }

    @Test func theDockerConfigurationIsRight() throws {
        let text = try String(contentsOf: Self.root.appendingPathComponent("Docker/config.json"), encoding: .utf8)
        #expect(try self.problems(text) == [])
    }
}
