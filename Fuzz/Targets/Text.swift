import BrokerWire

/// Text that arrives in fragments and pieces is the text that it is whole, and is refused exactly if it is not UTF-8.
///
/// Here every input is a text, so that the fuzzer need not find out first how a frame looks: the first byte chooses
/// the masks, the next two the cuts; the others are the text.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzText(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count: count)
    let isUnmasked = input.takeByte() == 0
    var cuts = SeededGenerator(seed: UInt64(input.takeByte()) << 8 | UInt64(input.takeByte()))
    let text = Array(input.rest)
    checkValidator(text, &cuts)
    checkAssembler(text, &cuts, isUnmasked: isUnmasked)
    checkMask(text, &cuts)
    return 0
}

/// Every answer of the validator, after every piece, against trying whether it can still become UTF-8.
private func checkValidator(_ text: [UInt8], _ cuts: inout SeededGenerator) {
    var validator = UTF8Validator()
    var taken = 0
    while taken < text.count {
        let end = min(taken + 1 + cuts.below(cuts.chance(60) ? 3 : 40), text.count)
        let isAccepted = text.withUnsafeBytes { validator.accept(UnsafeRawBufferPointer(rebasing: $0[taken..<end])) }
        let soFar = Array(text[..<end])
        guard isAccepted == ReferenceUTF8.canBeCompleted(soFar) else {
            preconditionFailure("\(isAccepted ? "taken" : "refused") after \(end) bytes: \(soFar)")
        }
        guard isAccepted else { return }
        guard validator.isComplete == ReferenceUTF8.isComplete(soFar) else {
            preconditionFailure("complete: \(validator.isComplete) after \(end) bytes: \(soFar)")
        }
        taken = end
    }
}

/// The text as one message of several fragments, with pings in between, cut anew on its way.
private func checkAssembler(_ text: [UInt8], _ cuts: inout SeededGenerator, isUnmasked: Bool) {
    var frames: [TestFrame] = []
    var rest = text[...]
    var pings = 0
    repeat {
        let fragment = Array(rest.prefix(cuts.below(cuts.chance(50) ? 6 : 400)))
        rest = rest.dropFirst(fragment.count)
        let isLast = rest.isEmpty && cuts.chance(70)
        let key = isUnmasked ? [0, 0, 0, 0] : cuts.bytes(4)
        frames.append(
            TestFrame(opcode: frames.isEmpty ? 1 : 0, payload: fragment, isFinal: isLast || pings > 20, key: key)
        )
        if isLast || pings > 20 { break }
        guard cuts.chance(20) else { continue }
        frames.append(.ping("\(pings)"))
        pings += 1
    } while true

    let sent = frames.filter { $0.opcode < 8 }.flatMap(\.payload)
    var receiver = FrameReceiver(messageBytesMax: 4096, fragmentsMax: 4096)
    var stream = frames.bytes[...]
    while !stream.isEmpty {
        let piece = stream.prefix(1 + cuts.below(cuts.chance(50) ? 10 : 600))
        receiver.feed(piece)
        stream = stream.dropFirst(piece.count)
    }
    let found = receiver.received.filter { if case .ping = $0 { false } else { true } }
    let expected: Received = String(validating: sent, as: UTF8.self).map { .text($0) } ?? .violation(1007)
    // Strings with the same characters are equal though their bytes are not.
    guard found == [expected], bytes(of: found) == bytes(of: [expected]) else {
        preconditionFailure("sent: \(sent); found: \(receiver.received)")
    }
}

private func bytes(of received: [Received]) -> [UInt8] {
    received.flatMap { if case .text(let text) = $0 { Array(text.utf8) } else { [UInt8]() } }
}

/// Unmasking, wherever the bytes begin and end, against one byte after the other.
private func checkMask(_ text: [UInt8], _ cuts: inout SeededGenerator) {
    let key = cuts.bytes(4)
    let start = min(cuts.below(20), text.count)
    let source = text[start...]
    let expected = source.enumerated().map { $1 ^ key[$0 % 4] }
    // A place of its own size, so that a byte too many is seen.
    let target = UnsafeMutableRawBufferPointer.allocate(byteCount: source.count, alignment: 1)
    defer { target.deallocate() }
    guard let base = target.baseAddress else { return }
    let mask = key.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    let turn = cuts.below(source.count + 1)
    let isASCII = source.withUnsafeBytes { source in
        // In two steps, as a payload that arrives in two pieces.
        let first = FrameMask.copy(UnsafeRawBufferPointer(rebasing: source[..<turn]), to: base, mask: mask)
        let turned = FrameMask.turned(mask, by: turn)
        return FrameMask.copy(UnsafeRawBufferPointer(rebasing: source[turn...]), to: base + turn, mask: turned) && first
    }
    guard target.elementsEqual(expected), isASCII == expected.allSatisfy({ $0 < 0x80 }) else {
        preconditionFailure("unmasked to \(Array(target)) (ASCII: \(isASCII)), not \(expected)")
    }
}
