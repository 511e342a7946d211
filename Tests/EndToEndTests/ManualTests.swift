import BrokerTestKit
import Foundation
import Testing

/// The manual pages are made from the tools' own help (`make man`); these say when that was forgotten.
@Suite("Manual pages", .timeLimit(.minutes(5)))
struct ManualTests {
    private struct Help: Decodable {
        struct Command: Decodable {
            struct Argument: Decodable {
                struct Name: Decodable {
                    var kind: String
                    var name: String
                }

                var names: [Name]?
                var shouldDisplay: Bool
            }

            var commandName: String
            var arguments: [Argument]?
            var subcommands: [Command]?
        }

        var command: Command
    }

    private static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().appendingPathComponent("man")

    @Test(arguments: ["wsbroker", "wspub", "wssub", "wsbench"])
    func eachOptionIsInTheManual(tool: String) async throws {
        let end = await (try ChildProcess(tool, ["--experimental-dump-help"])).wait()
        let help = try JSONDecoder().decode(Help.self, from: Data(end.output.utf8))
        // The pages write a dash as \- and set it apart from the name in places.
        let page = try String(contentsOf: Self.folder.appendingPathComponent("\(tool).1"), encoding: .utf8)
            .replacing("\\", with: "")
        for name in Self.names(help.command) {
            #expect(page.contains(name), "'\(name)' is missing in man/\(tool).1: run `make man`")
        }
        let text = page.replacing("\n", with: " ")
        if tool != "wsbroker" { #expect(text.contains("Exit status: 0 success")) }
    }

    private static func names(_ command: Help.Command) -> [String] {
        let own = (command.arguments ?? []).filter(\.shouldDisplay).flatMap { $0.names ?? [] }.map(\.name)
        return [command.commandName] + own + (command.subcommands ?? []).flatMap(Self.names)
    }

    @Test(arguments: ["wspub", "wssub"], ["bash", "zsh", "fish"])
    func eachShellGetsItsCompletions(tool: String, shell: String) async throws {
        let end = await (try ChildProcess(tool, ["--generate-completion-script", shell])).wait()
        #expect(end.status == 0)
        #expect(end.output.contains("token-file") || end.output.contains("retain"))
    }

    @Test(arguments: ["wspub", "wssub", "wsbench"])
    func theHelpHasThreeExamples(tool: String) async throws {
        let end = await (try ChildProcess(tool, ["--help"])).wait()
        let lines = end.output.split(separator: "\n").filter { $0.contains("\(tool) -") && !$0.contains("USAGE") }
        #expect(lines.count >= 3)
        #expect(end.status == 0)
    }
}
