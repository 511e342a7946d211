package import NIOCore

/// Who takes the messages of a WebSocket, and decides how fast they may come.
///
/// The broker's is ``ClientSession``; the echo server of the conformance tests has another one, so that what is tested
/// there is the very handler that serves clients. All calls are made on the connection's event loop.
package protocol MessageConsumer: AnyObject {
    /// Whether binary messages are taken; else they close the connection with 1003.
    static var acceptsBinary: Bool { get }
    /// How connections are served.
    var configuration: TransportConfiguration { get }
    /// What time it is, in nanoseconds on a clock that only goes forward.
    var now: UInt64 { get }
    /// Messages have to wait while this is so: bytes are kept, and none are read.
    var mustWait: Bool { get }
    /// Whether everything that was asked is answered.
    var isIdle: Bool { get }
    /// Where messages are unmasked; room for the largest one.
    var scratch: UnsafeMutableRawBufferPointer { get }

    /// Where the client comes from, without the port, if a proxy may have said so.
    var clientAddress: String? { get }

    /// The connection is open.
    func opened(_ connection: WebSocketHandler<Self>)
    /// So many bytes have come, whatever they are.
    func heard(bytes: Int)
    /// A whole text message, valid for this call and free to be changed.
    func received(text message: UnsafeMutableRawBufferPointer)
    /// The same of a binary message.
    func received(binary message: UnsafeMutableRawBufferPointer)
    /// The socket has taken everything that it was given.
    func becameWritable()
    /// Other rules say now who has to show who it is.
    func accessChanged()
    /// Writes what is said last, ahead of the Close, when the broker stops.
    func writeFarewell(into buffer: inout ByteBuffer)
    /// The connection is gone; called once.
    func ended()
}
