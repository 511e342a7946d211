/// Cases beyond the suite's, in the same form; their names are ours.
extension JSONGrammar {
    static let moreAccepted: [JSONGrammarCase] = [
        // Length alone makes nothing wrong.
        .init("int_of_30000_digits", repeating: "7", count: 30_000),
        .init("negative_int_of_30000_digits", "-" + String(repeating: "9", count: 30_000)),
        .init("fraction_of_30000_digits", "0." + String(repeating: "0", count: 29_999) + "1"),
        .init("exponent_of_30000_digits", "1e-" + String(repeating: "9", count: 30_000)),
        .init("exponent_of_30000_zeros", "[1E+" + String(repeating: "0", count: 30_000) + "]"),
        .init("blanks_64KiB_before", String(repeating: " ", count: 65_536) + "{}"),
        .init("blanks_64KiB_after", "[1]" + String(repeating: "\n", count: 65_536)),
        .init("blanks_64KiB_inside", "[1" + String(repeating: "\t", count: 65_536) + ",2]"),
        .init("blanks_64KiB_around_colon", #"{"a""# + String(repeating: " \t\r\n", count: 16_384) + ":1}"),
        .init("blanks_64KiB_in_empty_object", "{" + String(repeating: "\r\n", count: 32_768) + "}"),
        .init("key_of_60KiB", #"{""# + String(repeating: "k", count: 61_440) + #"":1}"#),
        .init("key_of_60KiB_of_escapes", #"{""# + String(repeating: #"\u006b"#, count: 10_240) + #"":1}"#),
        .init("string_of_60KiB", "\"" + String(repeating: "x", count: 61_440) + "\""),
        .init("string_of_60KiB_of_escapes", "\"" + String(repeating: #"\""#, count: 30_720) + "\""),
        .init("string_of_60KiB_of_pairs", "\"" + String(repeating: #"\uD83D\ude39"#, count: 5120) + "\""),
        .init("string_of_60KiB_of_four_bytes", "\"" + String(repeating: "\u{1F300}", count: 15_360) + "\""),
        // Every kind of depth counts the same, and the envelope itself does not count.
        .init("depth_32_mixed", repeating: #"[{"":"#, count: 16, then: "0" + String(repeating: "}]", count: 16)),
        .init("depth_32_empty", repeating: "[", count: 31, then: "{}" + String(repeating: "]", count: 31)),
        .init("depth_32_twice", "[" + Self.nested(31) + "," + Self.nested(31) + "]"),
        // What looks like an end inside of a string is none.
        .init("string_of_brackets", #""}]},{[""#),
        .init("string_that_ends_in_backslashes", #"["\\\\","\\"]"#),
        .init("string_with_byte_order_mark", hex: "22 EF BB BF 22"),
        .init("string_with_c1_control", hex: "22 C2 85 C2 9F 22"),
    ]

    static let moreRefused: [JSONGrammarCase] = [
        // Leading zeros and digits of other bases.
        .init("number_00.0", "[00.0]"), .init("number_-00.0", "[-00.0]"), .init("number_00e0", "[00e0]"),
        .init("number_-00e0", "[-00e0]"), .init("string_octal_escape", #"["\012"]"#),
        .init("int_of_30000_digits_and_leading_zero", "0" + String(repeating: "7", count: 30_000)),
        .init("fraction_of_30000_digits_and_point", "0." + String(repeating: "7", count: 30_000) + "."),
        .init("number_point_only", "."), .init("number_in_words", "[1 e 1]"), .init("number_big_suffix", "[1n]"),
        .init("number_of_arabic_digits", "[\u{661}]"), .init("number_unicode_minus", "[\u{2212}1]"),
        // Depth.
        .init("depth_33_mixed", repeating: #"[{"":"#, count: 16, then: "[]" + String(repeating: "}]", count: 16)),
        .init("depth_33_empty", repeating: "[", count: 32, then: "{}" + String(repeating: "]", count: 32)),
        .init("depth_33_second", "[" + Self.nested(31) + "," + Self.nested(32) + "]"),
        .init("100000_opening_objects", repeating: #"{"":"#, count: 100_000),
        .init("100000_opening_arrays_in_blanks", repeating: " [\n", count: 100_000),
        .init("100000_closing_arrays", repeating: "]", count: 100_000),
        .init("100000_quotes_and_colons", repeating: #""":"#, count: 100_000),
        // Byte order marks, and encodings that are not UTF-8 but whose bytes are.
        .init("byte_order_mark_behind", hex: "7B 7D EF BB BF"),
        .init("byte_order_mark_twice", hex: "EF BB BF EF BB BF 31"),
        .init("byte_order_mark_inside", hex: "5B EF BB BF 31 5D"), .init("utf16LE_array", hex: "5B 00 31 00 5D 00"),
        .init("utf16BE_array", hex: "00 5B 00 31 00 5D"), .init("utf32LE_one", hex: "31 00 00 00"),
        .init("utf32BE_one", hex: "00 00 00 31"), .init("utf16LE_string", hex: "22 00 61 00 22 00"),
        // More than one document.
        .init("two_objects", "{}{}"), .init("two_lines", "{}\n{}\n"), .init("two_numbers", "1 2"),
        .init("two_strings", #""a""b""#), .init("record_separator", hex: "1E 7B 7D 0A"),
        .init("two_objects_and_comma", "{},{}", onlyAlone: true),
        .init("two_numbers_and_comma", "1,2", onlyAlone: true),
        .init("value_and_field", #"1,"x":2"#, onlyAlone: true),
        .init("value_and_data", #"1,"data":2"#, onlyAlone: true),
        .init("value_and_closed_envelope", #"1} {"x":2"#, onlyAlone: true), .init("nul_behind", hex: "31 20 00"),
        // Dialects: JSON5, YAML, JavaScript, Python.
        .init("single_quotes_around_key", "{'a':\"b\"}"), .init("backtick_string", "`a`"), .init("bare_word", "[a]"),
        .init("typographic_quotes", "[\u{201C}a\u{201D}]"), .init("escaped_line_end", "\"a\\\nb\""),
        .init("escaped_single_quote", #""\'""#), .init("escaped_vertical_tab", #""\v""#),
        .init("escaped_brace", #""\u{61}""#), .init("hex_float", "[0x1p3]"), .init("plus_infinity", "[+Infinity]"),
        .init("none", "None"), .init("undefined", "[undefined]"), .init("elision", "[1,,]"), .init("spread", "[...[]]"),
        .init("regular_expression", "/a/"), .init("template_comment", "<!-- -->1"), .init("html_comment_end", "1-->"),
        .init("cdata", "<![CDATA[1]]>"), .init("jsonp", "f({})"), .init("hijacking_prefix", ")]}',\n{}"),
        .init("loop_prefix", "while(1);{}"), .init("yaml_document", "--- 1"), .init("yaml_key", "a: 1"),
    ]

    /// An array in an array and so on, `depth` of them.
    private static func nested(_ depth: Int) -> String {
        String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }

    /// What Unicode or somebody's `isspace` calls a blank and JSON does not, and what can not be seen at all.
    static let foreignBlanks: [Unicode.Scalar] = [
        "\u{00}", "\u{08}", "\u{0B}", "\u{0C}", "\u{1C}", "\u{1E}", "\u{1F}", "\u{7F}", "\u{85}", "\u{A0}", "\u{AD}",
        "\u{1680}", "\u{180E}", "\u{2000}", "\u{2003}", "\u{200A}", "\u{200B}", "\u{200D}", "\u{2028}", "\u{2029}",
        "\u{202E}", "\u{202F}", "\u{205F}", "\u{2060}", "\u{3000}", "\u{FEFF}", "\u{E0020}",
    ]
}
