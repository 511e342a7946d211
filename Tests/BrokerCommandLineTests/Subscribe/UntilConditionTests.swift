import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("--until")
struct UntilConditionTests {
    private func holds(_ condition: String, _ data: String, exact: String? = nil) throws -> Bool {
        let message = Message(topic: try Topic("a"), offset: 1, data: Array(data.utf8), exact: exact)
        return try UntilCondition(condition).holds(for: message)
    }

    @Test(arguments: [
        ("value>90", "90", false), ("value>90", "90.000000000000000001", true), ("value >= 90", "90", true),
        ("value<-1", "-1", false), ("value<-1", "-1.5", true), ("value<=-1", "-1", true), ("value==5", "5.0", true),
        ("value!=5", "5", false), ("value!=5", "6", true), ("value>5", #""9""#, false), ("value==ok", #""ok""#, true),
        (#"value=="ok""#, #""\u006fk""#, true), ("value!=ok", #""no""#, true), ("value==null", "null", true),
        ("value==true", "true", true), ("value/power>5", #"{"power":6}"#, true), ("value/power>5", #"{"x":6}"#, false),
        ("value/a/1==x", #"{"a":[0,"x"]}"#, true), ("value/power!=5", "{}", false), ("value>1e3", "1001", true),
    ])
    func itComparesAsItSays(condition: String, data: String, expected: Bool) throws {
        #expect(try self.holds(condition, data) == expected)
    }

    @Test func allDigitsCount() throws {
        #expect(try self.holds("value>9007199254740992", "9007199254740992", exact: "9007199254740993"))
    }

    @Test(arguments: [
        ("value", "'value' compares nothing; it is VALUE>LIMIT, with one of >, >=, <, <=, == and !="),
        ("value=5", "'value=5' compares nothing; it is VALUE>LIMIT, with one of >, >=, <, <=, == and !="),
        ("x>5", "'x' is neither value nor a place in it, such as value/power"),
        ("valuex>5", "'valuex' is neither value nor a place in it, such as value/power"),
        ("value>", "'value>' compares with nothing"),
        ("value>high", "'high' is no number: only == and != compare others"),
    ])
    func whatIsWrongIsNamed(condition: String, expected: String) {
        let error = #expect(throws: FormatError.self) { try UntilCondition(condition) }
        #expect(error?.description == expected)
    }
}
