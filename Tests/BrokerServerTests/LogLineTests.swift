import BrokerServer
import BrokerTestKit
import Foundation
import Logging
import Synchronization
import Testing

/// What a line of the log looks like.
@Suite("Log lines")
struct LogLineTests {
    /// The lines that `body` logs.
    private func lines(
        _ format: BrokerConfiguration.LogFormat,
        _ threshold: LogThreshold = LogThreshold(.info),
        _ body: (Logger) -> Void
    ) -> [String] {
        let lines = Lines()
        let logger = Logger(label: "test") { _ in
            BrokerLogHandler(format, threshold: threshold) { lines.add($0) }
        }
        body(logger)
        return lines.all
    }

    private final class Lines: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { self.lines.withLock { $0 } }

        func add(_ line: String) { self.lines.withLock { $0.append(line) } }
    }

    @Test func textHasTimeLevelMessageAndSortedMetadata() throws {
        let line = try #require(
            self.lines(.text) { $0.notice("a backup was made", metadata: ["path": "/b/m.db", "bytes": "12"]) }.first
        )
        let time = try #require(line.split(separator: " ").first)
        #expect(line.dropFirst(time.count) == " notice a backup was made bytes=12 path=/b/m.db")
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: true)
        #expect(abs(try style.parse(String(time)).timeIntervalSinceNow) < 60)
    }

    /// Whoever is named by a client must not be able to write lines of the log.
    @Test(arguments: [
        ("a b", #"x="a b""#), ("", #"x="""#), ("a=b", #"x="a=b""#), ("a\nb", #"x="a\nb""#), (#"a"b"#, #"x="a\"b""#),
        ("\u{1B}[2J", #"x="\u001b[2J""#), ("a", "x=a"),
    ])
    func aValueIsOneFieldOfOneLine(value: String, field: String) {
        let lines = self.lines(.text) { $0.info("message", metadata: ["x": "\(value)"]) }
        #expect(lines.count == 1)
        #expect(lines.first?.hasSuffix(" info message \(field)") == true, "\(lines)")
    }

    @Test func jsonIsOneObjectALine() throws {
        let line = try #require(
            self.lines(.json) { $0.error("no \"room\"", metadata: ["b": "1\n2", "a": "ü"]) }.first
        )
        let object = try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
        #expect(Set(object.keys) == ["ts", "level", "msg", "a", "b"])
        #expect(object["level"] == "error" && object["msg"] == #"no "room""#)
        #expect(object["a"] == "ü" && object["b"] == "1\n2")
        #expect(object["ts"]?.wholeMatch(of: #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/#) != nil)
    }

    @Test(arguments: [BrokerConfiguration.LogFormat.text, .json])
    func aLongValueIsCut(format: BrokerConfiguration.LogFormat) {
        let lines = self.lines(format) { $0.info("m", metadata: ["x": "\(String(repeating: "x", count: 100_000))"]) }
        #expect((lines.first?.utf8.count ?? 0) < 3000)
    }

    @Test func theLevelOfAllLoggersChangesWhileTheyAreUsed() {
        let threshold = LogThreshold(.info)
        let lines = self.lines(.text, threshold) { logger in
            logger.debug("one")
            var quiet = logger
            quiet.logLevel = .critical
            threshold.set(.debug)
            logger.debug("two")
            quiet.error("three")
            threshold.set(.error)
            logger.warning("four")
        }
        #expect(lines.map { $0.split(separator: " ").last } == ["two"])
    }
}
