import Foundation
import Testing

/// What neither the compiler nor the formatter sees: how long files and functions are, and who imports what.
@Suite("Tidiness")
struct TidyTests {
    private struct Source {
        var path: String
        var lines: [String]

        /// The target that the file belongs to.
        var target: String { String(self.path.split(separator: "/")[1]) }
    }

    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    private func sources(in folders: [String] = ["Sources", "Tests"]) throws -> [Source] {
        var sources: [Source] = []
        for folder in folders {
            let files = FileManager.default.enumerator(atPath: Self.root.appendingPathComponent(folder).path)
            while let name = files?.nextObject() as? String {
                guard name.hasSuffix(".swift") else { continue }
                let path = "\(folder)/\(name)"
                let text = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
                sources.append(Source(path: path, lines: text.components(separatedBy: "\n")))
            }
        }
        #expect(sources.count > 50, "the sources were not found")
        return sources
    }

    @Test func noFileHasMoreThanFourHundredLines() throws {
        for source in try self.sources() where source.lines.count > 401 {
            Issue.record("\(source.path) has \(source.lines.count - 1) lines; split it")
        }
    }

    @Test func noLineHasMoreThanAHundredAndTwentyCharacters() throws {
        for source in try self.sources() {
            for (index, line) in source.lines.enumerated() where line.count > 120 {
                Issue.record("\(source.path):\(index + 1) has \(line.count) characters")
            }
        }
    }

    /// The formatter guarantees that a function's closing brace has the indentation of its first line.
    @Test func noFunctionHasMoreThanSeventyLines() throws {
        for source in try self.sources() {
            for (start, line) in source.lines.enumerated() {
                let indent = line.prefix { $0 == " " }
                guard line.contains("func ") || line.dropFirst(indent.count).hasPrefix("init"), line.hasSuffix("{")
                else { continue }
                let end = source.lines[start...].firstIndex { $0 == "\(indent)}" } ?? start
                if end - start - 1 > 70 {
                    Issue.record("\(source.path):\(start + 1) has a function of \(end - start - 1) lines")
                }
            }
        }
    }

    @Test(arguments: [
        ("fatalError(", "throw, or state the invariant with precondition"),
        ("try!", "handle the error"),
        ("print(", "log, or use the output type of the target"),
        ("TODO", "finish it, or write an issue"),
        ("FIXME", "finish it, or write an issue"),
    ])
    func aBannedWordIsNotUsed(word: String, instead: String) throws {
        for source in try self.sources(in: ["Sources"]) {
            for (index, line) in source.lines.enumerated() where line.contains(word) {
                Issue.record("\(source.path):\(index + 1): '\(word)': \(instead)")
            }
        }
    }

    /// Unchecked promises to the compiler stand only where a comment on the lines around gives the reason.
    @Test(arguments: ["@unchecked Sendable", "nonisolated(unsafe)"])
    func anUncheckedPromiseGivesItsReason(word: String) throws {
        for source in try self.sources() where !source.path.contains("TidyTests") {
            for (index, line) in source.lines.enumerated() where line.contains(word) {
                let around = source.lines[max(0, index - 3)..<min(source.lines.count, index + 4)]
                #expect(
                    around.contains { $0.contains("// ") },
                    "\(source.path):\(index + 1): '\(word)' without a reason"
                )
            }
        }
    }

    /// The floors' own imports are checked by the build; these are the libraries that only some may touch.
    @Test(arguments: [
        ("GRDB", ["BrokerStore", "BrokerStoreTests"]),
        ("ArgumentParser", ["BrokerServer", "BrokerCommandLine", "BrokerCommandLineTests", "wspub", "wssub"]),
        ("JWTKit", ["BrokerServer"]),
        ("Crypto", ["BrokerServer"]),
        ("Hummingbird", ["BrokerServer"]),
        ("HummingbirdCore", ["BrokerServer", "BrokerTransport"]),
        ("NIOPosix", ["BrokerServer", "BrokerClient", "BrokerCommandLine", "BrokerTestKit"]),
        ("NIOSSL", ["BrokerClient", "BrokerTransport", "BrokerTestKit"]),
    ])
    func aLibraryIsImportedOnlyWhereItBelongs(module: String, targets: [String]) throws {
        for source in try self.sources(in: ["Sources"]) where !targets.contains(source.target) {
            for line in source.lines where line.hasSuffix("import \(module)") {
                Issue.record("\(source.path) imports \(module)")
            }
        }
    }
}
