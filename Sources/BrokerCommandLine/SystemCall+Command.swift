#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Running a command of the shell.
extension SystemCall {
    /// How a command ended.
    enum CommandEnd: Hashable {
        case exited(Int32)
        case signaled(Int32)
        /// It did not begin; the text says why.
        case failed(String)
    }

    /// Runs `command` with `/bin/sh`, which writes where this process writes, and waits for its end.
    ///
    /// - `environment`: All variables that it sees.
    /// - `input`: Its standard input; it need not read it.
    static func run(_ command: String, environment: [String: String], input: [UInt8]) -> CommandEnd {
        var pipe: [Int32] = [0, 0]
        guard pipe.withUnsafeMutableBufferPointer({ Self.openPipe($0) }) else { return .failed(Self.lastError) }
        let (readEnd, writeEnd) = (pipe[0], pipe[1])
        var identifier: pid_t = 0
        let code = Self.spawn(&identifier, command, environment, input: readEnd)
        Self.closeFile(readEnd)
        guard code == 0 else {
            Self.closeFile(writeEnd)
            return .failed(String(cString: strerror(code)))
        }
        // Whether it reads is its own business.
        _ = Self.writeAll(input, to: writeEnd)
        Self.closeFile(writeEnd)
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0 {
            guard errno == EINTR else { return .failed(Self.lastError) }
        }
        let signalNumber = status & 0x7F
        return signalNumber == 0 ? .exited(status >> 8 & 0xFF) : .signaled(signalNumber)
    }

    private static var lastError: String { String(cString: strerror(errno)) }

    /// Neither end is inherited as such.
    private static func openPipe(_ ends: UnsafeMutableBufferPointer<Int32>) -> Bool {
        guard let start = ends.baseAddress, pipe(start) == 0 else { return false }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return true
    }

    private static func spawn(
        _ identifier: inout pid_t,
        _ command: String,
        _ environment: [String: String],
        input: Int32
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, Self.standardInput)
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        // What this process ignores ends the command as usual.
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in Self.endingSignals + [SIGPIPE] { sigaddset(&signals, number) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF))
        var arguments = Self.copies(["sh", "-c", command])
        var variables = Self.copies(environment.map { "\($0.key)=\($0.value)" })
        defer { for text in arguments + variables { free(text) } }
        return posix_spawn(&identifier, "/bin/sh", &actions, &attributes, &arguments, &variables)
    }

    /// Strings as C has them, with a null pointer behind the last.
    private static func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] {
        texts.map { text in strdup(text) } + [nil]
    }
}
