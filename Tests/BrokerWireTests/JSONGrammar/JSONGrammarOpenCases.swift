/// Cases of which RFC 8259 leaves open whether they are accepted, with our verdict and why it is so.
struct JSONGrammarOpenCases: Sendable {
    enum Verdict: Hashable {
        case accepted
        /// Not UTF-8: the connection is closed with 1007 before anybody looks for JSON.
        case notText
        /// Refused as `bad_json`.
        case notJSON
        /// Refused as `bad_json`, because of the depth alone.
        case tooDeep
    }

    var verdict: Verdict
    var reason: String
    var cases: [JSONGrammarCase]

    init(_ verdict: Verdict, because reason: String, _ cases: [JSONGrammarCase]) {
        self.verdict = verdict
        self.reason = reason
        self.cases = cases
    }
}

extension JSONGrammar {
    static let open = [
        Self.openNumbers, Self.openSurrogates, Self.openBytes, Self.openEncodings, Self.openByteOrderMark,
        Self.openDepth,
    ]

    private static let openNumbers = JSONGrammarOpenCases(
        .accepted,
        because: """
            A number is passed on as it was written and never becomes a double, so there is none that is too large. \
            What an aggregate can not take is refused by it as bad_value.
            """,
        [
            .init("i_number_double_huge_neg_exp", "[123.456e-789]"),
            .init(
                "i_number_huge_exp",
                "[0.4e006699999999999999999999999999999999999999999999999999999999999999999"
                    + "99999999999999999999999999999999999999999999999999969999999006]"
            ),
            .init("i_number_neg_int_huge_exp", "[-1e+9999]"),
            .init("i_number_pos_double_huge_exp", "[1.5e+9999]"),
            .init("i_number_real_neg_overflow", "[-123123e100000]"),
            .init("i_number_real_pos_overflow", "[123123e100000]"),
            .init("i_number_real_underflow", "[123e-10000000]"),
            .init("i_number_too_big_neg_int", "[-123123123123123123123123123123]"),
            .init("i_number_too_big_pos_int", "[100000000000000000000]"),
            .init("i_number_very_big_negative_int", "[-237462374673276894279832749832423479823246327846]"),
        ]
    )

    private static let openSurrogates = JSONGrammarOpenCases(
        .notJSON,
        because: """
            Half of a surrogate pair is no character: one subscriber's parser would refuse it, another put U+FFFD in \
            its place, and two names that differ would become the same.
            """,
        [
            .init("i_object_key_lone_2nd_surrogate", #"{"\uDFAA":0}"#),
            .init("i_string_1st_surrogate_but_2nd_missing", #"["\uDADA"]"#),
            .init("i_string_1st_valid_surrogate_2nd_invalid", #"["\uD888\u1234"]"#),
            .init("i_string_incomplete_surrogate_and_escape_valid", #"["\uD800\n"]"#),
            .init("i_string_incomplete_surrogate_pair", #"["\uDd1ea"]"#),
            .init("i_string_incomplete_surrogates_escape_valid", #"["\uD800\uD800\n"]"#),
            .init("i_string_invalid_lonely_surrogate", #"["\ud800"]"#),
            .init("i_string_invalid_surrogate", #"["\ud800abc"]"#),
            .init("i_string_inverted_surrogates_U+1D11E", #"["\uDd1e\uD834"]"#),
            .init("i_string_lone_second_surrogate", #"["\uDFAA"]"#),
        ]
    )

    private static let openBytes = JSONGrammarOpenCases(
        .notText,
        because: """
            A text frame is UTF-8 (RFC 6455, 8.1). Repaired, it would not be what was sent; passed on, it would close \
            every subscriber's connection.
            """,
        [
            .init("i_string_UTF-8_invalid_sequence", hex: "5B 22 E6 97 A5 D1 88 FA 22 5D"),
            .init("i_string_UTF8_surrogate_U+D800", hex: "5B 22 ED A0 80 22 5D"),
            .init("i_string_invalid_utf-8", hex: "5B 22 FF 22 5D"),
            .init("i_string_iso_latin_1", hex: "5B 22 E9 22 5D"),
            .init("i_string_lone_utf8_continuation_byte", hex: "5B 22 81 22 5D"),
            .init("i_string_not_in_unicode_range", hex: "5B 22 F4 BF BF BF 22 5D"),
            .init("i_string_overlong_sequence_2_bytes", hex: "5B 22 C0 AF 22 5D"),
            .init("i_string_overlong_sequence_6_bytes", hex: "5B 22 FC 83 BF BF BF BF 22 5D"),
            .init("i_string_overlong_sequence_6_bytes_null", hex: "5B 22 FC 80 80 80 80 80 22 5D"),
            .init("i_string_truncated-utf-8", hex: "5B 22 E0 FF 22 5D"),
        ]
    )

    private static let openEncodings = JSONGrammarOpenCases(
        .notText,
        because: "JSON between systems is UTF-8 (RFC 8259, 8.1), and a guessed encoding is a way past a check.",
        [
            .init("i_string_UTF-16LE_with_BOM", hex: "FF FE 5B 00 22 00 E9 00 22 00 5D 00"),
            .init("i_string_utf16BE_no_BOM", hex: "00 5B 00 22 00 E9 00 22 00 5D"),
            .init("i_string_utf16LE_no_BOM", hex: "5B 00 22 00 E9 00 22 00 5D 00"),
        ]
    )

    private static let openByteOrderMark = JSONGrammarOpenCases(
        .notJSON,
        because: """
            RFC 8259, 8.1, forbids to send it and only allows to ignore it. Ignored, it would be in the middle of what \
            subscribers receive, where it is an error.
            """,
        [.init("i_structure_UTF-8_BOM_empty_object", hex: "EF BB BF 7B 7D")]
    )

    private static let openDepth = JSONGrammarOpenCases(
        .tooDeep,
        because: "Subscribers parse by recursion; 32 levels are more than messages need and less than any stack has.",
        [
            .init(
                "i_structure_500_nested_arrays",
                repeating: "[",
                count: 500,
                then: String(repeating: "]", count: 500)
            )
        ]
    )
}
