import BrokerWire

/// A number comes to what it comes to on paper, is refused for the right reason, and is written so that it is read
/// back as the same.
///
/// The first byte chooses format and strictness; the others are the number.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDecimals(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    var input = FuzzInput(start, count: count)
    let choice = input.takeByte()
    let format: NumberFormat = choice & 1 == 0 ? .decimal : .int
    let strict = choice & 2 != 0
    let token = Array(input.rest)
    let found = parse(token, format, strict)
    let expected = ReferenceNumber(token).expected(format, mustBeExact: strict || format == .int)
    guard expected.contains(found.map(\.units.description)) else {
        let text = String(decoding: token, as: UTF8.self)
        preconditionFailure("\(text) as \(format), strict: \(strict): \(found), not \(expected)")
    }
    if case .success(let value) = found { checkWriting(value, format) }
    return 0
}

private func parse(_ token: [UInt8], _ format: NumberFormat, _ strict: Bool) -> Result<ExactDecimal, NumberError> {
    token.withUnsafeBytes { bytes in
        do throws(NumberError) {
            return .success(try ExactDecimal(parsing: bytes, as: format, strict: strict))
        } catch {
            return .failure(error)
        }
    }
}

private func checkWriting(_ value: ExactDecimal, _ format: NumberFormat) {
    let text = value.description
    // A value may have one digit more than an input may.
    if text.utf8.filter({ $0 >= UInt8(ascii: "0") }).drop(while: { $0 == UInt8(ascii: "0") }).count <= 38 {
        guard parse(Array(text.utf8), format, true) == .success(value) else {
            preconditionFailure("\(value.units) is written as \(text)")
        }
    }
    // The range is symmetric, so that a negated total never overflows.
    var sum = value
    guard (try? sum.add(ExactDecimal(units: -value.units, scale: value.scale))) != nil, sum.units == 0 else {
        preconditionFailure("\(text) minus itself is \(sum)")
    }

    guard let double = Double(text) else { preconditionFailure("\(text) is no number") }
    let isPast53Bits = value.units.magnitude / (format == .int ? 1 : 1_000_000_000_000_000_000) > 9_007_199_254_740_991
    let zero = UInt8(ascii: "0")
    let digits = text.utf8.filter { $0 >= zero }.drop { $0 == zero }.reversed().drop { $0 == zero }.count
    let survives = ReferenceDecimal.javaScriptText(double) == text && !(isPast53Bits && digits > 15)
    guard value.survivesJavaScript == survives else {
        preconditionFailure("\(text) survives JavaScript: \(value.survivesJavaScript)")
    }
}

/// A number taken apart as text, with the limits of an input.
private struct ReferenceNumber {
    private let token: [UInt8]
    private let text: String
    private let isNumber: Bool

    init(_ token: [UInt8]) {
        self.token = token
        self.text = String(decoding: token, as: UTF8.self).lowercased()
        // Blanks around a number belong to the text and not to the number.
        let json = ReferenceJSON.parse(token)
        if let json, case .number = json.value { self.isNumber = json.source == token } else { self.isNumber = false }
    }

    private var isTooPrecise: Bool {
        let digits = self.text.prefix { $0 != "e" }.compactMap(\.wholeNumberValue)
        return digits.drop { $0 == 0 }.count > 38
    }

    private var isExponentTooLarge: Bool {
        let parts = self.text.split(separator: "e", omittingEmptySubsequences: false)
        guard parts.count > 1 else { return false }
        let digits = parts[1].drop { "+-0".contains($0) }
        return digits.count > 3 || (Int(digits) ?? 0) > 400
    }

    /// What may come out. Where several rules are broken it is free which one is named, unless the token is too long.
    func expected(_ format: NumberFormat, mustBeExact: Bool) -> [Result<String, NumberError>] {
        guard self.token.count <= 64 else { return [.failure(.tokenTooLong)] }
        guard self.isNumber else {
            return [.failure(.notANumber), .failure(.tooManyDigits), .failure(.exponentOutOfRange)]
        }
        if self.isTooPrecise { return [.failure(.tooManyDigits)] }
        if self.isExponentTooLarge { return [.failure(.exponentOutOfRange)] }
        let (units, isExact) = ReferenceDecimal.units(of: self.text, scale: format.scale)
        if mustBeExact, !isExact { return [.failure(.notRepresentable)] }
        let limit = "170141183460469231731687303715884105727"
        let digits = units.drop { $0 == "-" }
        let isPastLimit = digits.count > limit.count || (digits.count == limit.count && digits > limit[...])
        return isPastLimit ? [.failure(.outOfRange)] : [.success(units)]
    }
}
