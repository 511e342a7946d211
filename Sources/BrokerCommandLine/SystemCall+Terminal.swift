#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// What the tools ask of a terminal.
extension SystemCall {
    /// How many columns and lines a terminal has.
    struct TerminalSize: Hashable, Sendable {
        var columns: Int
        var lines: Int

        /// What a terminal has that does not say.
        static let usual = Self(columns: 80, lines: 24)
    }

    /// Sent when the size of the terminal has changed.
    static let resizeSignal = SIGWINCH

    static func terminalSize(_ descriptor: Int32) -> TerminalSize {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return .usual }
        return TerminalSize(columns: Int(size.ws_col), lines: Int(size.ws_row))
    }

    /// How a terminal treats keys; to be put back at the end.
    struct TerminalMode: Sendable {
        fileprivate let attributes: termios
    }

    /// Lets single keys through without showing them, and returns what was before; `nil` if it is no terminal.
    ///
    /// Ctrl-C still interrupts.
    static func readSingleKeys(_ descriptor: Int32) -> TerminalMode? {
        var attributes = termios()
        guard tcgetattr(descriptor, &attributes) == 0 else { return nil }
        let before = TerminalMode(attributes: attributes)
        attributes.c_lflag &= ~tcflag_t(ECHO | ICANON)
        guard tcsetattr(descriptor, TCSANOW, &attributes) == 0 else { return nil }
        return before
    }

    static func restore(_ mode: TerminalMode, _ descriptor: Int32) {
        var attributes = mode.attributes
        tcsetattr(descriptor, TCSANOW, &attributes)
    }
}
