package import Foundation
import Synchronization

/// A program of this package on a pseudo terminal, as a person has it.
package final class TerminalProcess: @unchecked Sendable {
    // `Process` is not Sendable in Foundation's declarations; see ``ChildProcess``.
    private let process = Process()
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
        guard openpty(&master, &slave, nil, nil, &size) == 0 else { throw POSIXError(.ENXIO) }
        self.master = FileHandle(fileDescriptor: master, closeOnDealloc: true)
        let terminal = FileHandle(fileDescriptor: slave, closeOnDealloc: true)
        let (screens, continuation) = AsyncStream.makeStream(
            of: TerminalScreen.self,
            bufferingPolicy: .bufferingNewest(1)
        )
        self.screens = screens
        self.screen = Mutex(TerminalScreen(columns: columns, rows: rows))
        self.process.executableURL = ChildProcess.productsFolder.appendingPathComponent(name)
        self.process.arguments = arguments
        self.process.environment = ChildProcess.environment([:])
        if let input { self.process.standardInput = input } else { self.process.standardInput = terminal }
        if usesOutput { self.process.standardOutput = terminal } else { self.process.standardOutput = Pipe() }
        self.process.standardError = terminal
        try self.process.run()
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

    package func signal(_ number: Int32) { kill(self.process.processIdentifier, number) }

    /// Waits for its end; returns its status and what the terminal shows then.
    package func wait() async -> (status: Int32, screen: TerminalScreen) {
        for await _ in self.screens {}
        await withCheckedContinuation { continuation in
            Thread {
                self.process.waitUntilExit()
                continuation.resume()
            }.start()
        }
        return (self.process.terminationStatus, self.screen.withLock { $0 })
    }
}
