import BrokerWire

/// What a stream of frames came to, piece by piece.
enum Received: Hashable {
    case text(String)
    case binary([UInt8])
    case ping(String)
    case pong
    case close(UInt16?)
    /// The end: why the connection has to be closed.
    case violation(UInt16)
}

/// Parser and assembler together, fed as a transport feeds them: what was not understood yet is offered again.
struct FrameReceiver {
    private var parser: FrameParser
    private var assembler: MessageAssembler
    private var pending: [UInt8] = []
    private var scratch: [UInt8]
    private(set) var received: [Received] = []

    init(
        from peer: FrameParser.Peer = .client,
        messageBytesMax: Int = 1024,
        fragmentsMax: Int = 1024,
        acceptsBinary: Bool = false
    ) {
        self.parser = FrameParser(from: peer, messageBytesMax: messageBytesMax, fragmentsMax: fragmentsMax)
        self.assembler = MessageAssembler(acceptsBinary: acceptsBinary)
        self.scratch = Array(repeating: 0, count: max(messageBytesMax, FrameParser.controlPayloadMax))
    }

    /// What `bytes` come to when they arrive at once.
    static func receive(
        _ bytes: [UInt8],
        from peer: FrameParser.Peer = .client,
        messageBytesMax: Int = 1024,
        fragmentsMax: Int = 1024,
        acceptsBinary: Bool = false
    ) -> [Received] {
        var receiver = Self(
            from: peer,
            messageBytesMax: messageBytesMax,
            fragmentsMax: fragmentsMax,
            acceptsBinary: acceptsBinary
        )
        receiver.feed(bytes)
        return receiver.received
    }

    /// What `frames` come to.
    static func receive(_ frames: TestFrame..., acceptsBinary: Bool = false) -> [Received] {
        Self.receive(frames.bytes, acceptsBinary: acceptsBinary)
    }

    /// Whether the stream has ended for a violation.
    var isEnded: Bool {
        if case .violation = self.received.last { true } else { false }
    }

    mutating func feed(_ bytes: some Collection<UInt8>) {
        guard !self.isEnded else { return }
        let all = self.pending + bytes
        var index = 0
        do throws(FrameViolation) {
            while let piece = try self.next(in: all, at: &index) {
                if let received = piece { self.received.append(received) }
            }
            self.pending = Array(all[index...])
        } catch {
            self.received.append(.violation(error.code.rawValue))
        }
    }

    /// Takes one piece; `nil` when more bytes are needed, and `.some(nil)` when it completed nothing.
    private mutating func next(in all: [UInt8], at index: inout Int) throws(FrameViolation) -> Received?? {
        let result = all.withUnsafeBytes { bytes in
            self.scratch.withUnsafeMutableBytes { scratch -> Result<Received??, FrameViolation> in
                do throws(FrameViolation) {
                    guard case .chunk(let chunk) = try self.parser.next(in: bytes, at: &index) else {
                        return .success(nil)
                    }
                    return .success(Self.received(try self.assembler.accept(chunk, in: bytes, scratch: scratch)))
                } catch {
                    return .failure(error)
                }
            }
        }
        return try result.get()
    }

    private static func received(_ assembled: Assembled) -> Received?? {
        switch assembled {
        case .nothing: .some(nil)
        case .text(let text): .text(String(validating: text, as: UTF8.self) ?? "not UTF-8")
        case .binary(let bytes): .binary(Array(bytes))
        case .ping(let payload): .ping(String(decoding: payload, as: UTF8.self))
        case .pong: .pong
        case .close(let code): .close(code?.rawValue)
        }
    }
}
