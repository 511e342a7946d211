// Glibc for write(2): a line is out when the call returns, whatever standard output is.
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// What the broker says to whoever started it, as opposed to what it logs.
enum BrokerOutput {
    /// Writes a line to standard output.
    static func line(_ text: String) { Self.write(text + "\n", to: STDOUT_FILENO) }

    /// Writes a line to standard error.
    static func errorLine(_ text: String) { Self.write(text + "\n", to: STDERR_FILENO) }

    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { buffer in
                #if canImport(Glibc)
                Glibc.write(descriptor, buffer.baseAddress, buffer.count)
                #else
                Darwin.write(descriptor, buffer.baseAddress, buffer.count)
                #endif
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
