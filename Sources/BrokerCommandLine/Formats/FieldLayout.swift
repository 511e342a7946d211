/// How wide a field is printed: `%-10t`, `%06l`, `%.40p`.
struct FieldLayout: Hashable {
    private var isLeftAligned = false
    private var isPaddedWithZeros = false
    private var width = 0
    private var precision = Int.max

    /// The widest field, so that a slip of the finger does not fill memory.
    static let widthMax = 10_000

    init() {}

    /// Takes what stands between `%` and the letter.
    init(from rest: inout Substring.UnicodeScalarView) throws(FormatError) {
        if rest.first == "-" {
            rest.removeFirst()
            self.isLeftAligned = true
        }
        if rest.first == "0" {
            rest.removeFirst()
            self.isPaddedWithZeros = true
        }
        self.width = try Self.number(from: &rest) ?? 0
        guard rest.first == "." else { return }
        rest.removeFirst()
        guard let precision = try Self.number(from: &rest) else {
            throw FormatError("a '.' of a field is followed by how many characters are printed at most")
        }
        self.precision = precision
    }

    private static func number(from rest: inout Substring.UnicodeScalarView) throws(FormatError) -> Int? {
        var number: Int?
        while let digit = rest.first.flatMap({ "0"..."9" ~= $0 ? Int($0.value - 0x30) : nil }) {
            rest.removeFirst()
            let next = (number ?? 0) * 10 + digit
            guard next <= Self.widthMax else { throw FormatError("a field is at most \(Self.widthMax) wide") }
            number = next
        }
        return number
    }

    /// Appends `content`, cut and filled up.
    ///
    /// - `isNumber`: Whether zeros may fill it up.
    func append(_ content: [UInt8], isNumber: Bool, to target: inout [UInt8]) {
        // Characters, not bytes: the bytes that begin one.
        let starts = content.indices.filter { content[$0] & 0xC0 != 0x80 }
        let shown = starts.count > self.precision ? content[..<starts[self.precision]] : content[...]
        let fill = max(0, self.width - min(starts.count, self.precision))
        let zeros = self.isPaddedWithZeros && isNumber && !self.isLeftAligned
        let filling = [UInt8](repeating: UInt8(ascii: zeros ? "0" : " "), count: fill)
        target += self.isLeftAligned ? shown + filling : filling + shown
    }
}
