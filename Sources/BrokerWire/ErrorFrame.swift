package import NIOCore

/// A refusal as it goes to the client.
package struct Refusal: Error, Sendable {
    package var code: ErrorCode
    /// What is wrong and what to do; never another client's data.
    package var reason: String
    /// The detail of a `bad_value`.
    package var why: String?
    /// When to try again, for refusals that pass.
    package var afterMilliseconds: Int?

    /// When a client that is told to wait should come back, where nothing better is known.
    package static let retryMilliseconds = 2000

    package init(_ code: ErrorCode, _ reason: String, why: String? = nil) {
        self.code = code
        self.reason = reason
        self.why = why
        self.afterMilliseconds = code.retry == .later ? Self.retryMilliseconds : nil
    }
}

extension ByteBuffer {
    /// Writes a refusal.
    ///
    /// - `id`: The request's `id` token, or empty.
    /// - `seq`: The number of a numbered publish, in digits.
    /// - `topic`: Named where the request has neither to tell it by.
    package mutating func writeError(
        _ refusal: Refusal,
        id: UnsafeRawBufferPointer,
        seq: [UInt8] = [],
        topic: [UInt8] = []
    ) {
        var text = Array(#"{"op":"err""#.utf8)
        if !seq.isEmpty { text += Array(#","seq":"#.utf8) + seq }
        if !id.isEmpty {
            text += #","id":"#.utf8
            text += id
        }
        if !topic.isEmpty {
            text += #","topic":""#.utf8
            JSONString.appendEscaped(topic, to: &text)
            text.append(UInt8(ascii: "\""))
        }
        text += #","code":\#(refusal.code.rawValue),"name":"\#(refusal.code.name)","reason":""#.utf8
        JSONString.appendEscaped(refusal.reason.utf8, to: &text)
        text.append(UInt8(ascii: "\""))
        if let why = refusal.why { text += #","why":"\#(why)""#.utf8 }
        text += #","retry":"\#(refusal.code.retry.rawValue)""#.utf8
        if let after = refusal.afterMilliseconds { text += #","afterMs":\#(after)"#.utf8 }
        text.append(UInt8(ascii: "}"))
        text.withUnsafeBytes { self.writeFrame(.text, $0) }
    }
}
