import ArgumentParser
import BrokerClient
import Dispatch
import Synchronization

/// Shows messages on a live screen, and gives the terminal back at the end.
final class WatchTarget: MessageTarget {
    private struct State {
        var screen: WatchScreen
        /// What the terminal shows.
        var shown: [String] = []
        var size = SystemCall.TerminalSize.usual
        var isActive = false
        /// What is undone at the end.
        var mode: SystemCall.TerminalMode?
        var painter: Task<Void, Never>?
    }

    /// Changes are shown five times a second; nobody reads faster.
    private static let pause = Duration.milliseconds(200)
    /// The other screen of the terminal, without a cursor.
    private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[2J"
    private static let leave = "\u{1B}[?25h\u{1B}[?1049l"

    private let output: OutputWriter
    private let state: Mutex<State>
    private let begin = ContinuousClock.now

    /// Throws where there is no terminal.
    ///
    /// - `title`: Which broker this is.
    init(title: String, output: OutputWriter) throws {
        guard SystemCall.isTerminal(SystemCall.standardOutput) else {
            throw ValidationError("-w needs a terminal; use -v to print the messages")
        }
        self.output = output
        self.state = Mutex(State(screen: WatchScreen(title: title)))
    }

    /// Takes the terminal over.
    ///
    /// - `interruptions`: Told when the user wants to end.
    func start(interruptions: AsyncStream<Interruption>.Continuation) {
        let mode = SystemCall.readSingleKeys(SystemCall.standardInput)
        if mode != nil { self.readKeys(interruptions) }
        self.output.append { $0 += Self.enter.utf8 }
        let painter = Task {
            repeat { self.paint() } while (try? await Task.sleep(for: Self.pause)) != nil
        }
        self.state.withLock { state in
            state.isActive = true
            state.mode = mode
            state.painter = painter
        }
    }

    /// Reads keys for as long as the process lives.
    private func readKeys(_ interruptions: AsyncStream<Interruption>.Continuation) {
        let source = DispatchSource.makeReadSource(fileDescriptor: SystemCall.standardInput, queue: .global())
        source.setEventHandler { [self] in
            guard let bytes = try? SystemCall.readBlock(from: SystemCall.standardInput, bytesMax: 64), !bytes.isEmpty
            else { return source.cancel() }
            for key in KeyReader.keys(in: bytes) {
                if key == .quit { interruptions.yield(.key) } else { self.press(key) }
            }
        }
        source.resume()
    }

    func take(_ messages: [Message]) async {
        let time = ContinuousClock.now - self.begin
        self.state.withLock { $0.screen.take(messages, at: time) }
        await self.output.waitForRoom()
    }

    /// Says something about the connection; returns false when there is no screen to say it on.
    func note(_ text: String) -> Bool {
        self.state.withLock { state in
            state.screen.notice = text
            return state.isActive
        }
    }

    private func press(_ key: WatchScreen.Key) {
        self.state.withLock { $0.screen.press(key, lines: $0.size.lines) }
        self.paint()
    }

    /// Writes the lines that are others than before.
    private func paint() {
        let time = ContinuousClock.now - self.begin
        let size = SystemCall.terminalSize(SystemCall.standardOutput)
        let text = self.state.withLock { state -> String in
            guard state.isActive else { return "" }
            state.screen.advance(to: time)
            var text = ""
            if size != state.size {
                // The terminal has moved its lines about.
                state.shown = []
                text += "\u{1B}[2J"
            }
            let lines = state.screen.lines(size, at: time)
            for (index, line) in lines.enumerated() where index >= state.shown.count || state.shown[index] != line {
                // The header is shown in reverse.
                text += "\u{1B}[\(index + 1);1H" + (index == 0 ? "\u{1B}[7m\(line)\u{1B}[0m" : line)
            }
            state.shown = lines
            state.size = size
            return text
        }
        if !text.isEmpty { self.output.append { $0 += text.utf8 } }
    }

    func finish() async {
        let (painter, mode) = self.state.withLock { state in
            state.isActive = false
            return (state.painter.take(), state.mode.take())
        }
        guard let painter else { return }
        painter.cancel()
        await painter.value
        self.output.append { $0 += Self.leave.utf8 }
        await self.output.flush()
        if let mode { SystemCall.restore(mode, SystemCall.standardInput) }
    }
}
