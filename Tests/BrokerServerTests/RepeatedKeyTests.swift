import Testing

@testable import BrokerServer

/// Keys that stand twice in a file, of which one would win without a word.
@Suite("Repeated keys")
struct RepeatedKeyTests {
    @Test(arguments: [
        (#"{"a":1,"b":{"a":1},"c":[{"a":1},{"a":"a"}]}"#, nil), (#"{"a":1,"a":2}"#, "a"),
        (#"{"b":[{"a":{"x":1,"y":[1,"x"],"x":2}}]}"#, "x"), (#"["a","a"]"#, nil), (#"{"a":"b","b":"a"}"#, nil),
        (#"{"auth":{},"a\u0075th":{}}"#, "auth"), (#"{"a":["b",{"c":1}],"b":{},"a":1}"#, "a"), ("{}", nil),
        (#"{"a":{"b":"},{"},"b":"\"a\""}"#, nil),
    ])
    func theFirstIsFound(document: String, key: String?) {
        #expect(RepeatedKey.first(in: Array(document.utf8)) == key)
    }

    @Test func aConfigurationWithOneIsRefused() {
        var loader = ConfigurationLoader()
        loader.apply(file: Array(#"{"auth":{"anonymous":[]},"auth":{"anonymous":["admin"]}}"#.utf8), named: "c.json")
        let text = "c.json: the key 'auth' stands twice in one object; leave one of the two out"
        #expect(loader.problems.map(\.description) == [text])
    }
}
