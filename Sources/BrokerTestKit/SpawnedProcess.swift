import Dispatch
import Foundation
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A program that was started, until its end.
///
/// Not Foundation's `Process`: on Linux it looks for the descriptors that the program would inherit with a copy of more
/// bytes than a directory's last entry has, and now and then ends the whole suite with signal 11.
final class SpawnedProcess: Sendable {
    let identifier: pid_t
    /// Its status as `waitpid` has it, once it has ended.
    private let status: Status

    private final class Status: Sendable {
        let word = Mutex<Int32?>(nil)
        let end = DispatchGroup()
    }

    /// What is opened and marked as not to be inherited is opened under it, so that no program starts in between.
    static let gate = Mutex(())

    /// Starts a program. It inherits its three streams, and of the others those that were opened to be inherited.
    ///
    /// - `variables`: All that its environment has.
    init(
        _ path: String,
        _ arguments: [String],
        in folder: String?,
        variables: [String: String],
        input: Int32,
        output: Int32,
        errors: Int32
    ) throws {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (stream, descriptor) in [input, output, errors].enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(stream))
        }
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var (all, none) = (sigset_t(), sigset_t())
        sigfillset(&all)
        sigemptyset(&none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        // `env` becomes the program, so the process is the same.
        let command = (folder.map { ["/usr/bin/env", "-C", $0] } ?? []) + [path] + arguments
        var words = Self.copies(command)
        var environment = Self.copies(variables.map { "\($0.key)=\($0.value)" })
        defer { for text in words + environment { free(text) } }
        var identifier: pid_t = 0
        let code = Self.gate.withLock { _ in
            Self.keepDescriptors()
            return posix_spawn(&identifier, command[0], &actions, &attributes, &words, &environment)
        }
        guard code == 0 else { throw POSIXError(POSIXErrorCode(rawValue: code) ?? .EINVAL) }
        self.identifier = identifier
        self.status = Self.reap(identifier)
    }

    /// Marks everything that is open as not to be inherited: a program with a small limit has no room for it.
    private static func keepDescriptors() {
        // Swift imports neither the call nor its flag.
        typealias CloseRange = @convention(c) (UInt32, UInt32, Int32) -> Int32
        guard let symbol = dlsym(nil, "close_range") else { return }
        _ = unsafeBitCast(symbol, to: CloseRange.self)(3, .max, 4)
    }

    /// Takes notice of its end as soon as that comes: the monitor of exit tests, which waits for any process, would
    /// find one that nobody has taken notice of again and again.
    private static func reap(_ identifier: pid_t) -> Status {
        let status = Status()
        status.end.enter()
        Thread {
            var word: Int32 = 0
            while waitpid(identifier, &word, 0) < 0, errno == EINTR {}
            let ended = word
            status.word.withLock { $0 = ended }
            status.end.leave()
        }.start()
        return status
    }

    /// Strings as C has them, with a null pointer behind the last.
    private static func copies(_ texts: [String]) -> [UnsafeMutablePointer<CChar>?] { texts.map { strdup($0) } + [nil] }

    func signal(_ number: Int32) {
        // Afterwards the number may be another process's.
        self.status.word.withLock { if $0 == nil { kill(self.identifier, number) } }
    }

    /// Stops it, and waits until each of its threads has, which blocks: after the signal alone those that did not get
    /// it go on until the one that did has its turn.
    func stop() {
        self.signal(SIGSTOP)
        var information = siginfo_t()
        while waitid(P_PID, id_t(self.identifier), &information, WSTOPPED | WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }

    /// Waits for its end, which blocks; returns its exit status, or the signal that has ended it.
    func wait() -> Int32 {
        self.status.end.wait()
        let word = self.status.word.withLock { $0 } ?? 0
        let signalNumber = word & 0x7F
        return signalNumber == 0 ? word >> 8 & 0xFF : signalNumber
    }
}
