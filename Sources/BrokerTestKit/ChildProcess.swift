package import Foundation
import Synchronization

/// A program of this package, run as users run it.
package final class ChildProcess: Sendable {
    private let process: SpawnedProcess
    private let output = ChildProcess.pipe()
    private let errors = ChildProcess.pipe()
    private let input = ChildProcess.pipe()

    /// Neither end is inherited as such: a program that has another one's would keep it open.
    package static func pipe() -> Pipe {
        SpawnedProcess.gate.withLock { _ in
            let pipe = Pipe()
            for end in [pipe.fileHandleForReading, pipe.fileHandleForWriting] {
                _ = fcntl(end.fileDescriptor, F_SETFD, FD_CLOEXEC)
            }
            return pipe
        }
    }

    /// Where SwiftPM has put the executables: beside the test bundle.
    package static var productsFolder: URL {
        URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    }

    /// Starts a program.
    ///
    /// - `name`: A product of this package, or the path of another program.
    package init(
        _ name: String,
        _ arguments: [String] = [],
        in folder: URL? = nil,
        environment: [String: String] = [:]
    ) throws {
        self.process = try SpawnedProcess(
            name.hasPrefix("/") ? name : Self.productsFolder.appendingPathComponent(name).path,
            arguments + TestTLS.options(beside: arguments),
            in: folder?.path,
            variables: Self.environment(environment),
            input: self.input.fileHandleForReading.fileDescriptor,
            output: self.output.fileHandleForWriting.fileDescriptor,
            errors: self.errors.fileHandleForWriting.fileDescriptor
        )
        // The program has its own; with ours open its output would have no end.
        try self.input.fileHandleForReading.close()
        try self.output.fileHandleForWriting.close()
        try self.errors.fileHandleForWriting.close()
    }

    /// The environment of the tests without what their user has set for the tools, and with `more`.
    static func environment(_ more: [String: String]) -> [String: String] {
        var variables = ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("WSBROKER_") }
        variables["XDG_CONFIG_HOME"] = "/nonexistent"
        return variables.merging(more) { $1 }
    }

    package var id: Int32 { self.process.identifier }

    package func signal(_ number: Int32) { self.process.signal(number) }

    /// Stops it; on return none of its threads runs any more, until SIGCONT.
    package func stop() async { await Self.blocking { self.process.stop() } }

    /// Writes to its standard input.
    package func write(_ text: String) throws { try self.input.fileHandleForWriting.write(contentsOf: Data(text.utf8)) }

    package func closeInput() throws { try self.input.fileHandleForWriting.close() }

    /// The next line of its standard output, or `nil` at its end. Blocks a thread of its own.
    package func readLine() async -> String? {
        await Self.line(from: self.output.fileHandleForReading)
    }

    /// The next line of its standard error.
    package func readErrorLine() async -> String? {
        await Self.line(from: self.errors.fileHandleForReading)
    }

    private static func line(from handle: FileHandle) async -> String? {
        await Self.blocking {
            var bytes: [UInt8] = []
            while let byte = handle.readData(ofLength: 1).first {
                if byte == UInt8(ascii: "\n") { return String(decoding: bytes, as: UTF8.self) }
                bytes.append(byte)
            }
            return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self)
        }
    }

    /// Waits for its end; returns its status and what is left of its output.
    package func wait() async -> (status: Int32, output: String, errors: String) {
        async let output = Self.blocking { self.output.fileHandleForReading.readDataToEndOfFile() }
        async let errors = Self.blocking { self.errors.fileHandleForReading.readDataToEndOfFile() }
        let texts = (String(decoding: await output, as: UTF8.self), String(decoding: await errors, as: UTF8.self))
        return (await Self.blocking { self.process.wait() }, texts.0, texts.1)
    }

    /// Runs `body` on a thread of its own, because it blocks.
    private static func blocking<Result: Sendable>(_ body: @escaping @Sendable () -> Result) async -> Result {
        await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: body()) }.start()
        }
    }
}

extension ChildProcess {
    /// Starts `wsbroker` on free ports and waits until it listens; returns it with its port.
    package static func broker(
        in folder: URL,
        port: Int = 0,
        _ arguments: [String] = []
    ) async throws -> (process: ChildProcess, port: Int) {
        let broker = try ChildProcess(
            "wsbroker",
            ["--port", "\(port)", "--store", "store.db"] + Self.options(["admin.port=0"] + TestBroker.patience)
                + arguments,
            in: folder
        )
        guard let bound = await broker.listeningPort() else {
            let end = await broker.wait()
            throw ChildProcessError.didNotStart(status: end.status, errors: end.errors)
        }
        return (broker, bound)
    }
}

extension ChildProcess {
    /// Assignments of configuration keys as a command line has them.
    package static func options(_ settings: [String]) -> [String] { settings.flatMap { ["--set", $0] } }

    /// The port in the line with which a broker says that it listens, or `nil` if it says something else.
    package func listeningPort() async -> Int? {
        guard let line = await self.readLine(), let start = line.range(of: "://127.0.0.1:") else { return nil }
        return Int(line[start.upperBound...].prefix { $0.isNumber })
    }
}

extension ChildProcess {
    /// Runs a program that reads and says nothing, and blocks until its end; returns its status.
    package static func status(of program: String, _ arguments: [String]) throws -> Int32 {
        let nothing = FileHandle(forUpdatingAtPath: "/dev/null") ?? .nullDevice
        let descriptor = nothing.fileDescriptor
        return try SpawnedProcess(
            program,
            arguments,
            in: nil,
            variables: Self.environment([:]),
            input: descriptor,
            output: descriptor,
            errors: descriptor
        ).wait()
    }
}

package enum ChildProcessError: Error {
    case didNotStart(status: Int32, errors: String)
}
