import BrokerWire
import Testing

@Suite("Number format")
struct NumberFormatTests {
    @Test(arguments: [(NumberFormat.decimal, 18), (.int, 0)])
    func eachFormatKeepsItsDecimals(format: NumberFormat, scale: Int) {
        #expect(format.scale == scale)
    }

    @Test(arguments: [("decimal", NumberFormat.decimal), ("int", .int)])
    func eachFormatHasItsWordInTheConfiguration(word: String, format: NumberFormat) {
        #expect(NumberFormat(rawValue: word) == format)
    }

    @Test(
        arguments: [
            (NumberError.notANumber, "not_a_number"), (.tokenTooLong, "token_too_long"),
            (.tooManyDigits, "too_many_digits"), (.exponentOutOfRange, "exponent_out_of_range"),
            (.outOfRange, "out_of_range"), (.notRepresentable, "not_representable"), (.overflow, "overflow"),
        ])
    func eachErrorHasItsWordOnTheWire(error: NumberError, why: String) {
        #expect(error.why == why)
    }
}
