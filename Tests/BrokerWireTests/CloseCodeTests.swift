import BrokerWire
import Testing

@Suite("Close code")
struct CloseCodeTests {
    @Test(
        arguments: [
            (CloseCode.normal, 1000), (.goingAway, 1001), (.protocolError, 1002), (.unsupportedData, 1003),
            (.invalidUTF8, 1007), (.policy, 1008), (.tooLarge, 1009), (.internalError, 1011), (.serviceRestart, 1012),
        ] as [(CloseCode, UInt16)]
    )
    func theStandardCodesHaveTheirNumbers(code: CloseCode, number: UInt16) {
        #expect(code.rawValue == number)
    }

    @Test func anErrorsCloseCodeIsItsNumber() {
        #expect(ErrorCode.allCases.allSatisfy { CloseCode($0).rawValue == $0.rawValue })
    }

    /// What the broker closes with, a client of the same code may receive.
    @Test func everyErrorsCloseCodeMayBeReceived() {
        #expect(ErrorCode.allCases.allSatisfy { CloseCode($0).mayBeReceived })
    }

    @Test(arguments: [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535] as [UInt16])
    func aCodeThatIsNeverOnTheWireMayNotBeReceived(number: UInt16) {
        #expect(!CloseCode(rawValue: number).mayBeReceived)
    }
}
