/// One input of the catalogue of bad input, under its number there, and what it has to get.
///
/// Cases that belong to what the broker does not have yet are listed by their suite as left out, not faked.
struct CatalogueCase<Input: Sendable, Expected: Sendable>: Sendable {
    var number: String
    var input: Input
    var expected: Expected

    init(_ number: String, _ input: Input, _ expected: Expected) {
        self.number = number
        self.input = input
        self.expected = expected
    }
}
