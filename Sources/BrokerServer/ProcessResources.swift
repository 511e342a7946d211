// FoundationEssentials for files and the wall clock.
import FoundationEssentials
import NIOCore

// Glibc for limits and affinity of the process.
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What the operating system gives this process.
enum ProcessResources {
    /// Raises the number of files and sockets to the most that is allowed, and returns it.
    @discardableResult
    static func raiseDescriptorLimit() -> UInt64 {
        var limit = rlimit()
        #if canImport(Glibc)
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        #else
        let resource = RLIMIT_NOFILE
        #endif
        guard getrlimit(resource, &limit) == 0 else { return 0 }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(resource, &limit)
        _ = getrlimit(resource, &limit)
        return UInt64(limit.rlim_cur)
    }

    /// What this process writes is for its own user.
    static func keepFilesPrivate() { umask(0o077) }

    /// Sees to it that nothing of this process's memory, where messages and tokens are, is written to a core file.
    ///
    /// Both are needed: a `core_pattern` that pipes to a program does not care for the limit, and the limit holds for
    /// what this process starts. Nobody but root can attach a debugger afterwards either.
    static func preventCoreDumps() {
        var limit = rlimit(rlim_cur: 0, rlim_max: 0)
        #if canImport(Glibc)
        _ = setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &limit)
        Self.makeUndumpable()
        #else
        _ = setrlimit(RLIMIT_CORE, &limit)
        #endif
    }

    #if canImport(Glibc)
    /// `prctl(PR_SET_DUMPABLE, 0)`. Swift imports no C function with `...`, so it is looked up by its name; on the
    /// platforms that Linux has, whole numbers go the same way to such a function as to any other.
    private static func makeUndumpable() {
        typealias Prctl = @convention(c) (CInt, CUnsignedLong, CUnsignedLong, CUnsignedLong, CUnsignedLong) -> CInt
        guard let symbol = dlsym(nil, "prctl") else { return }
        let setDumpable: CInt = 4
        _ = unsafeBitCast(symbol, to: Prctl.self)(setDumpable, 0, 0, 0, 0)
    }
    #endif

    /// How many cores this process may use: what the machine and its container allow, less what `taskset` took away.
    static var coreCount: Int {
        let status = (try? String(contentsOf: URL(filePath: "/proc/self/status"), encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") } ?? ""
        let allowed = line.dropFirst("Cpus_allowed:".count).reduce(0) { $0 + ($1.hexDigitValue ?? 0).nonzeroBitCount }
        return allowed > 0 ? min(allowed, System.coreCount) : System.coreCount
    }

    /// Milliseconds since 1970.
    @Sendable static func wallClock() -> UInt64 { UInt64(max(0, Date().timeIntervalSince1970 * 1000)) }
}
