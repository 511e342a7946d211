import BrokerWire
// Glibc for sockets.
import Glibc
import NIOCore

/// A client with one request in flight and nothing between it and its socket.
final class BlockingClient {
    private let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 4096)

    struct SocketFailure: Error {}

    init(port: Int) throws {
        self.descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(self.descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard result == 0 else { throw SocketFailure() }
        let handshake =
            "GET / HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        try self.send(Array(handshake.utf8))
        guard try self.receive().hasPrefix("HTTP/1.1 101") else { throw SocketFailure() }
    }

    deinit { close(self.descriptor) }

    /// Sends a request and waits for what comes next.
    func ask(_ text: String) throws -> String {
        var frame = ByteBuffer()
        Array(text.utf8).withUnsafeBytes { frame.writeMaskedFrame(.text, $0, mask: 0x3D21_FA37) }
        try self.send(Array(frame.readableBytesView))
        return try self.receive()
    }

    private func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(self.descriptor, bytes, bytes.count, 0) == bytes.count else { throw SocketFailure() }
    }

    private func receive() throws -> String {
        let count = recv(self.descriptor, &self.buffer, self.buffer.count, 0)
        guard count > 0 else { throw SocketFailure() }
        return String(decoding: self.buffer[..<count], as: UTF8.self)
    }
}
