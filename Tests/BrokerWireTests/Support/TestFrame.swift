import BrokerWire

/// One WebSocket frame, right or wrong, as its bytes.
struct TestFrame {
    enum LengthForm {
        case shortest
        case sixteenBits
        case sixtyFourBits
    }

    var opcode: UInt8
    var payload: [UInt8] = []
    var isFinal = true
    /// RSV1, RSV2 and RSV3 as they lie in the first byte.
    var reserved: UInt8 = 0
    /// `nil` leaves the frame unmasked.
    var key: [UInt8]? = [0x37, 0xFA, 0x21, 0x3D]
    var lengthForm = LengthForm.shortest
    /// Written into the header instead of the payload's length.
    var announcedLength: UInt64?

    static func text(_ text: String, isFinal: Bool = true) -> Self {
        Self(opcode: 1, payload: Array(text.utf8), isFinal: isFinal)
    }

    static func text(_ bytes: [UInt8], isFinal: Bool = true) -> Self {
        Self(opcode: 1, payload: bytes, isFinal: isFinal)
    }

    static func continuation(_ text: String, isFinal: Bool = true) -> Self {
        Self(opcode: 0, payload: Array(text.utf8), isFinal: isFinal)
    }

    static func continuation(_ bytes: [UInt8], isFinal: Bool = true) -> Self {
        Self(opcode: 0, payload: bytes, isFinal: isFinal)
    }

    static func ping(_ text: String = "") -> Self { Self(opcode: 9, payload: Array(text.utf8)) }

    static func close(_ code: UInt16, reason: [UInt8] = []) -> Self {
        Self(opcode: 8, payload: [UInt8(code >> 8), UInt8(code & 0xFF)] + reason)
    }

    /// The header alone.
    var header: [UInt8] {
        let length = self.announcedLength ?? UInt64(self.payload.count)
        let maskBit: UInt8 = self.key == nil ? 0 : 0x80
        let first = (self.isFinal ? 0x80 : 0) | self.reserved | self.opcode
        let lengthBytes: [UInt8]
        switch self.lengthForm {
        case .shortest where length < 126:
            lengthBytes = [maskBit | UInt8(length)]
        case .sixteenBits,
            .shortest where length <= 0xFFFF:
            lengthBytes = [maskBit | 126] + Self.bigEndian(length).suffix(2)
        default:
            lengthBytes = [maskBit | 127] + Self.bigEndian(length)
        }
        return [first] + lengthBytes + (self.key ?? [])
    }

    /// Header and payload.
    var bytes: [UInt8] {
        guard let key = self.key else { return self.header + self.payload }
        return self.header + self.payload.enumerated().map { $1 ^ key[$0 % 4] }
    }

    private static func bigEndian(_ value: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: value >> (56 - 8 * UInt64($0))) }
    }
}

extension [TestFrame] {
    var bytes: [UInt8] { self.flatMap(\.bytes) }
}
