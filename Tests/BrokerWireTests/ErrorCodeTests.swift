import BrokerWire
import Testing

@Suite("Error code")
struct ErrorCodeTests {
    /// Numbers and names are public API: they are never changed and never used again.
    private static let frozen: [UInt16: String] = [
        4000: "bad_json", 4001: "bad_envelope", 4002: "bad_topic", 4003: "bad_filter", 4004: "bad_value",
        4005: "unsupported_version", 4006: "no_producer", 4007: "seq_expired", 4008: "seq_gap", 4009: "once_conflict",
        4100: "unauthenticated", 4101: "token_expired", 4102: "token_invalid", 4103: "forbidden", 4104: "fenced",
        4105: "replaced",
        4200: "internal", 4201: "overloaded", 4202: "rate_limited", 4203: "storage_full", 4204: "storage_unknown",
        4205: "limit_reached",
        4300: "restarting", 4301: "slow_consumer", 4302: "idle", 4304: "too_many_errors",
        4400: "position_unrecoverable", 4401: "producer_unknown", 4404: "no_value",
    ]

    @Test func numbersAndNamesAreFrozen() {
        let names = ErrorCode.allCases.map { ($0.rawValue, $0.name.description) }
        #expect(Dictionary(uniqueKeysWithValues: names) == Self.frozen)
    }

    @Test(arguments: ErrorCode.allCases)
    func theHundredsSayWhatToDo(code: ErrorCode) {
        let words: [UInt16: String] = [40: "no", 41: "no", 42: "later", 43: "reconnect", 44: "no"]
        let word = code == .storageUnknown ? "resend" : words[code.rawValue / 100]
        #expect(code.retry.rawValue == word)
    }

    @Test(arguments: ErrorCode.allCases)
    func onlyTheFortiesCountAsMalformed(code: ErrorCode) {
        #expect(code.countsAsMalformed == (code.rawValue / 100 == 40))
    }
}
