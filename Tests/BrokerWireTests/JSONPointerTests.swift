import BrokerWire
import Testing

/// What a pointer finds in a value.
@Suite("JSON pointer")
struct JSONPointerTests {
    private func find(_ pointer: String, in json: String) throws -> String? {
        let pointer = try #require(JSONPointer(pointer))
        return Array(json.utf8).withUnsafeBytes { bytes in
            pointer.find(in: bytes).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// The examples of RFC 6901, section 5.
    @Test(arguments: [
        ("/foo", #"["bar", "baz"]"#), ("/foo/0", #""bar""#), ("/", "0"), ("/a~1b", "1"), ("/c%d", "2"), ("/e^f", "3"),
        ("/g|h", "4"), ("/i\\j", "5"), ("/k\"l", "6"), ("/ ", "7"), ("/m~0n", "8"),
    ])
    func theExamplesOfTheStandard(pointer: String, found: String) throws {
        let json = #"""
            {"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7,
             "m~n": 8}
            """#
        #expect(try self.find(pointer, in: json) == found)
    }

    @Test func nothingIsTheWholeValue() throws {
        #expect(try self.find("", in: " 5 ") == "5")
        #expect(try self.find("", in: #"{"a":1}"#) == #"{"a":1}"#)
    }

    @Test(arguments: [
        ("/a", "5"), ("/a", "[]"), ("/a", "{}"), ("/a/b", #"{"a":1}"#), ("/1", "[5]"), ("/0", "[]"), ("/00", "[1,2]"),
        ("/-", "[1]"), ("/+0", "[1]"), ("/9999999999", "[1]"), ("/a", #"{"b":{"a":1}}"#), ("/a", #""a""#),
    ])
    func whatIsNotThereIsNotFound(pointer: String, json: String) throws {
        #expect(try self.find(pointer, in: json) == nil)
    }

    @Test func namesAreComparedAsTheTextThatTheyMean() throws {
        #expect(try self.find("/power", in: #"{"pow\u0065r":7}"#) == "7")
        #expect(try self.find("/caf\u{E9}", in: #"{"caf\u00e9":7}"#) == "7")
        #expect(try self.find("/cafe\u{301}", in: "{\"caf\u{E9}\":7}") == nil)
    }

    @Test func deepAndLateIsFoundToo() throws {
        let json = #"{ "x" : [ {}, [ ], "a,b]}" , { "y" : [ 1 , { "z" : null } ] } ] , "w" : 1 }"#
        #expect(try self.find("/x/3/y/1/z", in: json) == "null")
        #expect(try self.find("/w", in: json) == "1")
    }

    @Test(arguments: ["a", "a/b", "/~", "/~2", "/a~", String(repeating: "/a", count: 65)])
    func whatIsNoPointerIsRefused(text: String) {
        #expect(JSONPointer(text) == nil)
    }
}
