import BrokerWire

/// A handshake is judged as the rules of RFC 6455 say one by one, and the accept key is what SHA-1 makes of the key.
///
/// The first line is method, path and version; every other one is a header field as it stands in a request.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzHandshake(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let lines = FuzzInput(start, count: count).lines
    let words = lines[0].split(separator: 0x20, maxSplits: 2, omittingEmptySubsequences: false)
    let fields = lines.dropFirst().map { line in
        let parts = line.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
        return (name: parts[0].map(lowercase), value: ReferenceHandshake.trimmed(parts.last ?? []))
    }
    // Header values are bytes; they become text as they do in the HTTP library.
    let handshake = ReferenceHandshake(
        method: words[0],
        path: words.count > 1 ? words[1] : [],
        isHTTP11: words.count > 2 && words[2].elementsEqual("HTTP/1.1".utf8)
    ) { name in
        fields.filter { $0.name.elementsEqual(name.utf8.map(lowercase)) }.map { Array($0.value) }
    }
    let found = WebSocketUpgrade.judge(
        method: String(decoding: handshake.method, as: UTF8.self),
        path: String(decoding: handshake.path, as: UTF8.self),
        isHTTP11: handshake.isHTTP11
    ) { name in
        handshake.values(name).map { String(decoding: $0, as: UTF8.self) }
    }
    let expected = handshake.judged()
    let isSame =
        switch (found, expected) {
        case (.accept(let key, let subprotocol), .accept(let accept, let hasSubprotocol)):
            key == accept && subprotocol == (hasSubprotocol ? "wsbroker.v1.json" : nil)
        case (.refuse(let refusal), .refuse(let status)): refusal.status == status && !refusal.reason.isEmpty
        default: false
        }
    guard isSame else { preconditionFailure("judged: \(found); reference: \(expected)") }

    // The client's side hashes what it made itself, but nothing may depend on how long that is.
    let text = String(decoding: lines[lines.count - 1], as: UTF8.self)
    guard HandshakeKey(text: text).accept == ReferenceHandshake.accept(Array(text.utf8)) else {
        preconditionFailure("the accept key of \(text)")
    }
    return 0
}

private func lowercase(_ byte: UInt8) -> UInt8 { (0x41...0x5A).contains(byte) ? byte | 0x20 : byte }

private struct ReferenceHandshake {
    enum Verdict {
        case accept(String, hasSubprotocol: Bool)
        case refuse(Int)
    }

    var method: ArraySlice<UInt8>
    var path: ArraySlice<UInt8>
    var isHTTP11: Bool
    var values: (String) -> [[UInt8]]

    static func trimmed(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let isBlank = { (byte: UInt8) in byte == 0x20 || byte == 0x09 }
        let start = bytes.drop(while: isBlank)
        return start.dropLast(start.reversed().prefix(while: isBlank).count)
    }

    func judged() -> Verdict {
        guard self.path.elementsEqual("/".utf8) || self.path.elementsEqual("/ws".utf8) else { return .refuse(404) }
        guard self.method.elementsEqual("GET".utf8) else { return .refuse(405) }
        guard self.isHTTP11 else { return .refuse(400) }
        guard self.names("websocket", in: "Upgrade") else { return .refuse(426) }
        guard self.names("upgrade", in: "Connection") else { return .refuse(400) }
        guard self.values("Host").count == 1 else { return .refuse(400) }
        guard self.values("Sec-WebSocket-Version") == [Array("13".utf8)] else { return .refuse(426) }
        guard self.values("Transfer-Encoding").isEmpty else { return .refuse(400) }
        guard self.values("Content-Length").allSatisfy({ $0 == [0x30] }) else { return .refuse(400) }
        let keys = self.values("Sec-WebSocket-Key")
        guard keys.count == 1, Self.isSixteenBytes(keys[0]) else { return .refuse(400) }
        let offers = self.values("Sec-WebSocket-Protocol").filter { !$0.allSatisfy { $0 == UInt8(ascii: ",") } }
        guard offers.joined().allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) else { return .refuse(400) }
        if !offers.isEmpty {
            let names = offers.flatMap { $0.split(separator: UInt8(ascii: ",")) }.map(Self.trimmed)
            guard names.contains(where: { $0.elementsEqual("wsbroker.v1.json".utf8) }) else { return .refuse(400) }
        }
        return .accept(Self.accept(keys[0]), hasSubprotocol: !offers.isEmpty)
    }

    private func names(_ token: String, in field: String) -> Bool {
        self.values(field).flatMap { $0.split(separator: UInt8(ascii: ",")) }.contains { part in
            Self.trimmed(part).map(lowercase).elementsEqual(token.utf8)
        }
    }

    private static let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// 22 digits and two signs of padding, and no bit set in those that stand for nothing.
    private static func isSixteenBytes(_ text: [UInt8]) -> Bool {
        let values = text.prefix(22).compactMap { Self.digits.firstIndex(of: $0) }
        return text.count == 24 && text.suffix(2) == [0x3D, 0x3D] && values.count == 22 && values[21] % 16 == 0
    }

    static func accept(_ key: [UInt8]) -> String {
        let hash = Self.sha1(key + Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8))
        let bits = Self.bits(of: hash) + [0, 0]
        let text = Self.numbers(bits, of: 6).map { Self.digits[Int($0)] }
        return String(decoding: text + [0x3D], as: UTF8.self)
    }

    private static func bits(of bytes: [UInt8]) -> [UInt8] {
        bytes.flatMap { (byte: UInt8) -> [UInt8] in (0..<8).map { byte >> (7 - $0) & 1 } }
    }

    /// The numbers that `bits` are when `count` of them are one number.
    private static func numbers(_ bits: some Collection<UInt8>, of count: Int) -> [UInt32] {
        var bits = Array(bits)[...]
        var numbers: [UInt32] = []
        while !bits.isEmpty {
            numbers.append(bits.prefix(count).reduce(0) { $0 << 1 | UInt32($1) })
            bits = bits.dropFirst(count)
        }
        return numbers
    }

    private static func rotated(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }

    /// FIPS 180-4, section 6.1, over a list of bits.
    private static func sha1(_ message: [UInt8]) -> [UInt8] {
        var bits = Self.bits(of: message) + [1]
        while bits.count % 512 != 448 { bits.append(0) }
        let length = UInt64(message.count * 8)
        bits += (0..<64).map { UInt8(length >> UInt64(63 - $0) & 1) }
        var h: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
        let k: [UInt32] = [0x5A82_7999, 0x6ED9_EBA1, 0x8F1B_BCDC, 0xCA62_C1D6]
        for start in stride(from: 0, to: bits.count, by: 512) {
            var w = Self.numbers(bits[start..<start + 512], of: 32)
            for t in 16..<80 { w.append(Self.rotated(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1)) }
            var v = h
            for t in 0..<80 {
                let choice: UInt32 = v[1] & v[2] ^ ~v[1] & v[3]
                let parity: UInt32 = v[1] ^ v[2] ^ v[3]
                let majority: UInt32 = v[1] & v[2] ^ v[1] & v[3] ^ v[2] & v[3]
                let f: UInt32 = [choice, parity, majority, parity][t / 20]
                let next: UInt32 = Self.rotated(v[0], 5) &+ f &+ v[4] &+ k[t / 20] &+ w[t]
                v = [next, v[0], Self.rotated(v[1], 30), v[2], v[3]]
            }
            h = zip(h, v).map { $0 &+ $1 }
        }
        return h.flatMap { (word: UInt32) -> [UInt8] in (0..<4).map { UInt8(word >> UInt32(24 - 8 * $0) & 0xFF) } }
    }
}
