import BrokerWire

/// A message is judged as by the slow reference of the tests, and a connection that begins with it speaks the
/// dialect that it should.
///
/// The whole input is the message.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequests(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let message = Array(UnsafeBufferPointer(start: start, count: count))
    let scanned = scan(message)
    // What is not UTF-8 never gets as far as the scanner; it has only to be scanned without a trap.
    guard String(validating: message, as: UTF8.self) != nil else { return 0 }
    compare(scanned, with: ReferenceRequest.judge(message), of: message)
    checkDialect(message)
    return 0
}

private func scan(_ message: [UInt8]) -> Result<ScannedRequest, ScannedRefusal> {
    do throws(ScannedRefusal) {
        return .success(try ScannedRequest.scan(message))
    } catch {
        return .failure(error)
    }
}

private func compare(
    _ scanned: Result<ScannedRequest, ScannedRefusal>,
    with expected: ReferenceRequest.Verdict,
    of message: [UInt8]
) {
    let isSame =
        switch (scanned, expected) {
        case (.success(let request), .accepted(let fields)): request.fields == fields && request.request.isConsistent
        case (.failure(let error), .refused(let code, let field, let id)):
            error.code == code && error.field == field && (id == nil || error.id == id)
        default: false
        }
    guard isSame else {
        let text = String(decoding: message, as: UTF8.self)
        preconditionFailure("\(text)\nscanned: \(scanned)\nreference: \(expected)")
    }
}

/// The first message of a connection decides: one that is a bare number, whatever is around it, means plain mode.
private func checkDialect(_ message: [UInt8]) {
    var isNumber = false
    if let json = ReferenceJSON.parse(message), case .number = json.value { isNumber = true }
    var reader = MessageReader(limits: BrokerLimits())
    var bytes = message
    let request = bytes.withUnsafeMutableBytes { try? reader.read($0, now: 1) }
    var isPlain = false
    if let request, request.operation == .plain {
        isPlain = true
        let data = message.withUnsafeBytes { Array(request.data.bytes(in: $0)) }
        guard ReferenceJSON.parse(data)?.source == data else { preconditionFailure("the number is \(data)") }
    }
    guard isPlain == isNumber else { preconditionFailure("\(message) is\(isPlain ? "" : " not") taken as a number") }

    // Whatever follows in plain mode is a number or is refused, never an envelope.
    var plain = MessageReader(limits: BrokerLimits())
    var zero: [UInt8] = [UInt8(ascii: "0")]
    _ = zero.withUnsafeMutableBytes { try? plain.read($0, now: 1) }
    var second = message
    let isRead = second.withUnsafeMutableBytes { (try? plain.read($0, now: 2))?.operation == .plain }
    guard isRead == isNumber else { preconditionFailure("\(message) in plain mode: \(isRead)") }
}

extension ScannedRequest {
    fileprivate var fields: ReferenceRequest.Fields {
        ReferenceRequest.Fields(
            operation: self.request.operation,
            id: self.raw(\.id),
            topic: self.raw(\.topic),
            data: self.raw(\.data),
            once: self.raw(\.once),
            seq: self.request.seq,
            version: self.request.version,
            mode: self.request.mode,
            maxRate: self.request.maxRate,
            retain: self.request.retain,
            echo: self.request.echo,
            wantsRetained: self.request.wantsRetained,
            sinceEpoch: self.raw(\.sinceEpoch),
            sinceOffset: self.request.sinceOffset,
            hasProducer: self.request.hasProducer
        )
    }
}

extension Request {
    /// What other parts of the broker take for granted about a request that was accepted.
    fileprivate var isConsistent: Bool {
        (self.operation != .publish || self.dataKind != .absent) && self.hasSince == !self.sinceEpoch.isEmpty
            && (self.dataKind == .absent) == self.data.isEmpty
    }
}
