import BrokerClient
import BrokerWire
import NIOPosix
import Synchronization

// Foundation for the process's environment.
#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif

/// Runs a command of the shell for each message, one after the other.
final class CommandTarget: MessageTarget {
    private let command: String
    private let errors: OutputWriter
    private let pool: NIOThreadPool
    private let environment = ProcessInfo.processInfo.environment
    private let hasFailed = Mutex(false)

    /// - `pool`: Where the thread comes from that waits for the command.
    init(command: String, errors: OutputWriter, pool: NIOThreadPool) {
        self.command = command
        self.errors = errors
        self.pool = pool
    }

    func take(_ messages: [Message]) async throws {
        for message in messages {
            try Task.checkCancellation()
            try await self.run(for: message)
        }
    }

    private func run(for message: Message) async throws {
        var value: [UInt8] = []
        PayloadText.append(message.data, to: &value)
        var environment = self.environment
        environment["WSSUB_TOPIC"] = message.topic.description
        environment["WSSUB_OFFSET"] = "\(message.offset)"
        environment["WSSUB_TIME"] = "\(message.timestampMilliseconds ?? SystemCall.wallMilliseconds())"
        // A variable ends at a zero byte and has a limit; the whole value is the standard input.
        environment["WSSUB_VALUE"] = String(
            decoding: value.prefix { $0 != 0 }.prefix(Self.variableBytesMax),
            as: UTF8.self
        )
        let (command, variables, input) = (self.command, environment, value)
        let end = try await self.pool.runIfActive {
            SystemCall.run(command, environment: variables, input: input)
        }
        switch end {
        case .exited(0): break
        case .exited(let code): self.fail("ended with \(code)")
        case .signaled(let number): self.fail("was ended by signal \(number)")
        case .failed(let reason): self.fail("could not be run: \(reason)")
        }
    }

    /// Linux takes 128 KiB for one variable.
    private static let variableBytesMax = 64 * 1024

    private func fail(_ text: String) {
        self.hasFailed.withLock { $0 = true }
        self.errors.appendLine("wssub: the command \(text)")
    }

    /// The messages were taken; that a command failed on the way is the last that there is to say.
    var status: ExitStatus { self.hasFailed.withLock { $0 } ? .runtime : .success }
}
