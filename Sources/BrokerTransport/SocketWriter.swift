import NIOCore

#if canImport(Glibc)
// Glibc for send(2).
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Sends bytes that are finished on one connection.
///
/// A system call is nearly all that sending costs, so it is made directly on the channel's descriptor, from wherever
/// the bytes lie. What the kernel does not take goes the way of NIO, which knows how to wait for the socket; until
/// that is gone nothing else is sent, so the order holds.
struct SocketWriter {
    private let descriptor: NIOBSDSocket.Handle?
    /// How many writes wait in NIO for the socket.
    private var waitingWrites = 0

    /// - Parameter channel: Whose descriptor is used, if it has one; in tests without a socket everything goes through
    ///   NIO.
    init(channel: any Channel) {
        self.descriptor = try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(
            of: NIOBSDSocket.Handle.self
        ) { $0 }
    }

    /// Whether bytes wait in NIO for the socket.
    var isWaiting: Bool { self.waitingWrites > 0 }

    /// Sends as much of `bytes` as the socket takes now.
    ///
    /// - Returns: How many bytes at the end were not sent and have to be written through NIO, after which
    ///   ``finished()`` is called; `nil` if that is not needed.
    mutating func send(_ bytes: UnsafeRawBufferPointer, on channel: any Channel) -> Int? {
        var sent = 0
        // A channel that has closed itself has given its descriptor back, perhaps to somebody else.
        if let descriptor = self.descriptor, !self.isWaiting, channel.isActive {
            while sent < bytes.count, let start = bytes.baseAddress {
                let count = Self.send(descriptor, start + sent, bytes.count - sent)
                if count < 0 {
                    if errno == EINTR { continue }
                    break
                }
                sent += count
            }
            if sent == bytes.count { return nil }
        }
        self.waitingWrites += 1
        return bytes.count - sent
    }

    private static func send(_ descriptor: NIOBSDSocket.Handle, _ start: UnsafeRawPointer, _ count: Int) -> Int {
        #if canImport(Glibc)
        Glibc.send(descriptor, start, count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        #elseif canImport(Musl)
        Musl.send(descriptor, start, count, MSG_DONTWAIT | MSG_NOSIGNAL)
        #else
        Darwin.send(descriptor, start, count, MSG_DONTWAIT)
        #endif
    }

    /// One of the writes that waited is gone.
    mutating func finished() { self.waitingWrites -= 1 }
}
