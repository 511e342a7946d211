import BrokerTransport
import BrokerWire
import NIOCore

/// Makes server-sent events of the broker's frames.
struct EventText {
    /// Whether the events have ids: those of many topics have no position in common.
    let hasIDs: Bool
    /// What the client has seen last, if it comes again.
    let last: FramePosition?
    private var epoch: String?
    /// Whether nothing follows, because the subscription has ended.
    private(set) var isOver = false

    /// How long a browser waits before it comes again, in milliseconds.
    private static let retry = 2000

    init(hasIDs: Bool, last: FramePosition?) {
        self.hasIDs = hasIDs
        self.last = last
    }

    /// What a stream begins with: so a client sees that it is there.
    static var start: ByteBuffer { ByteBuffer(string: "retry: \(Self.retry)\n\n") }
    /// Says nothing, so that nobody on the way takes the connection for dead.
    static var keepAlive: ByteBuffer { ByteBuffer(string: ":\n\n") }

    static func farewell(_ code: CloseCode, reason: String) -> ByteBuffer {
        var text = Array(#"event: bye\#ndata: {"code":\#(code.rawValue),"reason":"#.utf8)
        JSONString.append(reason, to: &text)
        return ByteBuffer(bytes: text + Array("}\n\n".utf8))
    }

    /// Appends the event of a frame, if it makes one.
    mutating func append(_ frame: ByteBuffer, to buffer: inout ByteBuffer) {
        let bytes = frame.readableBytesView
        if bytes.starts(with: #"{"op":"ack""#.utf8) {
            guard self.hasIDs, let position = FramePosition(frame) else { return }
            self.epoch = position.epoch
            // The value that there is, unless the client has it.
            guard position != self.last, FramePosition.has(#","data":"#, frame) else { return }
            var message = ByteBuffer(string: #"{"op":"msg","#)
            message.writeBytes(bytes.dropFirst(LocalQuestion.ackPrefix.utf8.count))
            self.append(message, id: position.text, to: &buffer)
        } else if bytes.starts(with: #"{"op":"msg""#.utf8) {
            let offset = self.hasIDs ? FramePosition.offset(of: frame) : nil
            self.append(frame, id: offset.flatMap { offset in self.epoch.map { "\($0):\(offset)" } }, to: &buffer)
        } else {
            // A stream has one subscription, which ends when it is not allowed any more.
            let isEnd = bytes.starts(with: #"{"op":"unsub""#.utf8)
            self.isOver = self.isOver || isEnd
            buffer.writeString(isEnd ? "event: bye\n" : "event: error\n")
            self.append(frame, id: nil, to: &buffer)
        }
    }

    private func append(_ message: ByteBuffer, id: String?, to buffer: inout ByteBuffer) {
        if let id { buffer.writeString("id: \(id)\n") }
        buffer.writeString("data: ")
        // A line break in JSON is a blank between two tokens, and would end the line of the event.
        buffer.writeBytes(message.readableBytesView.lazy.map { $0 == 0x0A || $0 == 0x0D ? 0x20 : $0 })
        buffer.writeString("\n\n")
    }
}
