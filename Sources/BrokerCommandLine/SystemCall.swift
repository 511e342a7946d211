#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// The few calls of the operating system that the tools need, in one place, because each platform's C library is a
/// module of another name.
enum SystemCall {
    static let standardInput: Int32 = 0
    static let standardOutput: Int32 = 1
    static let standardError: Int32 = 2

    /// SIGINT and SIGTERM.
    static let endingSignals = [SIGINT, SIGTERM]

    /// Lets a signal pass without effect, or gives it back the one it had.
    static func setIgnored(_ signalNumber: Int32, _ isIgnored: Bool) {
        signal(signalNumber, isIgnored ? SIG_IGN : SIG_DFL)
    }

    /// Makes writing to a reader that went away an error that is returned, instead of the end of the process.
    static func ignoreBrokenPipes() {
        signal(SIGPIPE, SIG_IGN)
    }

    /// The value of a variable of the environment.
    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    static func closeFile(_ descriptor: Int32) {
        close(descriptor)
    }

    /// Whether a person sees what is written there.
    static func isTerminal(_ descriptor: Int32) -> Bool { isatty(descriptor) == 1 }

    /// The time of day, in milliseconds since 1970.
    static func wallMilliseconds() -> UInt64 {
        var time = timespec()
        guard clock_gettime(CLOCK_REALTIME, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1000 + UInt64(time.tv_nsec) / 1_000_000
    }

    /// A time in the words of `strftime`, in the zone of the machine or of `TZ`.
    ///
    /// - `milliseconds`: Since 1970.
    static func formatTime(_ format: String, milliseconds: UInt64) -> [UInt8] {
        var seconds = time_t(milliseconds / 1000)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return [] }
        // The longest that one conversion makes is a date with the names of its month and zone.
        var text = [CChar](repeating: 0, count: 256)
        let count = strftime(&text, text.count, format, &parts)
        return text[..<count].map { UInt8(bitPattern: $0) }
    }

    /// The CPU time that this process has used, in nanoseconds.
    static func processorTime() -> UInt64 {
        var time = timespec()
        guard clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }

    /// Raises the number of files and sockets to the most that is allowed.
    static func raiseDescriptorLimit() {
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
    }

    static func endProcess(_ status: ExitStatus) -> Never {
        exit(status.rawValue)
    }

    static func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    /// Whether there is a file that can be read again and again, as a pipe can not.
    static func isRegularFile(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
    }

    /// Opens a file to read it.
    static func openForReading(_ path: String) throws(InputError) -> Int32 {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw InputError(source: path, reason: String(cString: strerror(errno))) }
        return descriptor
    }

    /// Reads a small file from its start, until `isEnough` of what was read or its end; errors name it.
    static func readStart(
        of path: String,
        until isEnough: ([UInt8]) -> Bool
    ) throws(InputError) -> [UInt8] {
        let descriptor = try Self.openForReading(path)
        defer { Self.closeFile(descriptor) }
        var bytes: [UInt8] = []
        do throws(InputError) {
            while !isEnough(bytes) {
                let block = try Self.readBlock(from: descriptor, bytesMax: InputReader.blockBytes)
                if block.isEmpty { break }
                bytes += block
            }
        } catch {
            throw InputError(source: path, reason: error.reason)
        }
        return bytes
    }

    /// Reads what there is, at least one byte; empty at the end.
    static func readBlock(from descriptor: Int32, bytesMax: Int) throws(InputError) -> [UInt8] {
        var failure: Int32 = 0
        let block = [UInt8](unsafeUninitializedCapacity: bytesMax) { buffer, count in
            while true {
                let result = read(descriptor, buffer.baseAddress, buffer.count)
                if result >= 0 {
                    count = result
                    return
                }
                failure = errno
                guard Self.mayTryAgain(descriptor, POLLIN) else { return }
                failure = 0
            }
        }
        guard failure == 0 else { throw InputError(reason: String(cString: strerror(failure))) }
        return block
    }

    /// Writes all of `bytes`, however often it takes; returns whether they could be written.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) -> Bool {
        bytes.withUnsafeBytes { buffer in
            guard let start = buffer.baseAddress else { return true }
            var written = 0
            while written < buffer.count {
                let count = write(descriptor, start + written, buffer.count - written)
                if count >= 0 {
                    written += count
                } else if !Self.mayTryAgain(descriptor, POLLOUT) {
                    return false
                }
            }
            return true
        }
    }

    /// After a call that failed: waits until it can be tried again, if it can.
    private static func mayTryAgain(_ descriptor: Int32, _ event: some BinaryInteger) -> Bool {
        switch errno {
        case EINTR:
            return true
        case EAGAIN:
            // Somebody who shares the terminal has made it non-blocking.
            var request = pollfd(fd: descriptor, events: Int16(event), revents: 0)
            _ = poll(&request, 1, -1)
            return true
        default:
            return false
        }
    }
}

/// Standard input, or the file in its place, could not be read.
struct InputError: Error, CustomStringConvertible {
    var source = "standard input"
    let reason: String

    var description: String { "cannot read \(self.source): \(self.reason)" }
}
