public import ArgumentParser

/// A command that ends the process with an ``ExitStatus``.
public protocol CommandLineTool: ParsableCommand {
    /// How the tool calls itself in what it reports.
    static var toolName: String { get }

    /// Does what the command line says.
    func execute() async -> ExitStatus
}

extension CommandLineTool {
    /// Says why the tool can not begin, and returns how it ends.
    static func failed(_ error: any Error) -> ExitStatus {
        _ = SystemCall.writeAll(Array("\(Self.toolName): \(error)\n".utf8), to: SystemCall.standardError)
        return error is ValidationError ? .usage : .runtime
    }

    /// Reads the command line, does what it says, and ends the process with what came of it.
    public static func endProcess() async -> Never {
        // A reader that went away is noticed where it is written to; it must not kill the process.
        SystemCall.ignoreBrokenPipes()
        let tool: Self
        do {
            tool = try Self.parse(try Self.arguments())
        } catch let error as InputError {
            _ = SystemCall.writeAll(Array("\(Self.toolName): \(error)\n".utf8), to: SystemCall.standardError)
            SystemCall.endProcess(.usage)
        } catch {
            let isAnswer = Self.exitCode(for: error) == .success
            let message = Array((Self.fullMessage(for: error) + "\n").utf8)
            _ = SystemCall.writeAll(
                message,
                to: isAnswer ? SystemCall.standardOutput : SystemCall.standardError
            )
            // Not the parser's own 64: two is what every shell and mosquitto's tools use.
            SystemCall.endProcess(isAnswer ? .success : .usage)
        }
        SystemCall.endProcess(await tool.execute())
    }

    /// What the user always wants, and then what stands on the command line.
    private static func arguments() throws(InputError) -> [String] {
        try OptionFile.load(Self.toolName)
            + CommandLine.arguments.dropFirst()
    }
}
