package import Foundation
import Synchronization

/// A program of this package on a pseudo terminal, as a person has it.
package final class TerminalProcess: Sendable {
    private let process: SpawnedProcess
    /// Where its output goes that nobody reads.
    private let output = ChildProcess.pipe()
    private let master: FileHandle
    private let screens: AsyncStream<TerminalScreen>
    private let screen: Mutex<TerminalScreen>

    /// Starts a program.
    ///
    /// - `usesOutput`: Whether its standard output is the terminal too, beside input and errors.
    package init(
        _ name: String,
        _ arguments: [String],
        columns: Int = 80,
        rows: Int = 24,
        usesOutput: Bool = true,
        input: Pipe? = nil
    ) throws {
        var (master, slave): (Int32, Int32) = (0, 0)
        var size = winsize(ws_row: UInt16(rows), ws_col: UInt16(columns), ws_xpixel: 0, ws_ypixel: 0)
        let isOpen = SpawnedProcess.gate.withLock { _ in
            guard openpty(&master, &slave, nil, nil, &size) == 0 else { return false }
            for end in [master, slave] { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
            return true
        }
        guard isOpen else { throw POSIXError(.ENXIO) }
        self.master = FileHandle(fileDescriptor: master, closeOnDealloc: true)
        let terminal = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
        let (screens, continuation) = AsyncStream.makeStream(
            of: TerminalScreen.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        self.screens = screens
        self.screen = Mutex(TerminalScreen(columns: columns, rows: rows))
        self.process = try SpawnedProcess(
            ChildProcess.productsFolder.appendingPathComponent(name).path,
            arguments,
            in: nil,
            variables: ChildProcess.environment([:]),
            input: input?.fileHandleForReading.fileDescriptor ?? slave,
            output: usesOutput ? slave : self.output.fileHandleForWriting.fileDescriptor,
            errors: slave
        )
        try terminal.close()
        Thread { [self] in
            // A character may be cut in two between reads.
            var bytes: [UInt8] = []
            while true {
                // Foundation's own reading ends the process when the terminal is gone.
                let block = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
                    repeat {
                        count = max(read(self.master.fileDescriptor, buffer.baseAddress, buffer.count), 0)
                    } while count == 0 && errno == EINTR
                }
                guard !block.isEmpty else { break }
                bytes += block
                guard let text = String(validating: bytes, as: UTF8.self) else { continue }
                bytes = []
                continuation.yield(
                    self.screen.withLock { screen in
                        screen.write(text)
                        return screen
                    }
                )
            }
            continuation.finish()
        }.start()
    }

    /// The first screen for which `condition` holds, or the last one if the program ends before.
    package func screen(where condition: @Sendable (TerminalScreen) -> Bool) async -> TerminalScreen {
        let now = self.screen.withLock { $0 }
        if condition(now) { return now }
        for await screen in self.screens where condition(screen) { return screen }
        return self.screen.withLock { $0 }
    }

    /// Types.
    package func type(_ text: String) throws { try self.master.write(contentsOf: Data(text.utf8)) }

    package func signal(_ number: Int32) { self.process.signal(number) }

    /// Waits for its end; returns its status and what the terminal shows then.
    package func wait() async -> (status: Int32, screen: TerminalScreen) {
        for await _ in self.screens {}
        let status = await withCheckedContinuation { continuation in
            Thread { continuation.resume(returning: self.process.wait()) }.start()
        }
        return (status, self.screen.withLock { $0 })
    }
}
