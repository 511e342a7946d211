import BrokerWire
import Testing

@Suite("Topic")
struct TopicTests {
    @Test(arguments: ["a", "clicks", "factory/m1/power", "é", "日本/東京", "😀", "..", "%2e"])
    func aWellFormedNameIsTaken(text: String) throws {
        let topic = try Topic(text)
        #expect(topic.bytes == Array(text.utf8))
    }

    @Test func theDescriptionIsTheName() throws {
        #expect(try Topic("factory/é").description == "factory/é")
    }

    @Test(
        arguments: [
            ("", TopicError.empty), ("/", .emptyLevel), ("/a", .emptyLevel), ("a/", .emptyLevel),
            ("a//b", .emptyLevel), ("//", .emptyLevel), ("+", .wildcard), ("#", .wildcard), ("a/+", .wildcard),
            ("a/#", .wildcard), ("a+b", .wildcard), ("a#", .wildcard), (" ", .blankOrControl),
            ("a b", .blankOrControl), ("a\t", .blankOrControl), ("\u{0}", .blankOrControl),
            ("a\n", .blankOrControl), ("a\u{7F}", .blankOrControl), ("a\u{2028}b", .blankOrControl),
            ("$", .reserved), ("$sys/x", .reserved), ("$SYS", .reserved), ("a/$b", .reserved),
        ])
    func anIllFormedNameIsRefusedForItsReason(text: String, reason: TopicError) {
        #expect(throws: reason) { try Topic(text) }
    }

    @Test func aDollarInsideALevelIsALetter() throws {
        #expect(try Topic("a$/b$c").bytes == Array("a$/b$c".utf8))
    }

    @Test(arguments: [[0xFF], [0x80], [0x61, 0xC3], [0xC0, 0xAF], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]])
    func bytesThatAreNotUTF8AreRefused(bytes: [UInt8]) {
        #expect(throws: TopicError.notUTF8) { try Topic(bytes: bytes) }
    }

    /// Composed and decomposed spellings are equal as Swift strings, and two topics all the same.
    @Test func spellingsOfOneLetterAreTwoTopics() throws {
        let composed = try Topic("caf\u{E9}")
        let decomposed = try Topic("cafe\u{301}")
        #expect(composed.description == decomposed.description)
        #expect(composed != decomposed)
    }

    @Test func spellingsOfOneLetterAreTwoKeys() throws {
        let keys = Set([try Topic("caf\u{E9}"), try Topic("cafe\u{301}"), try Topic("caf\u{E9}")])
        #expect(keys.count == 2)
    }

    @Test func capitalsMatter() throws {
        #expect(try Topic("Clicks") != Topic("clicks"))
    }

    @Test func bytesCheckedElsewhereAreTakenAsTheyAre() throws {
        let topic = Array("a/b".utf8).withUnsafeBytes { Topic(unchecked: $0) }
        #expect(try topic == Topic("a/b"))
    }
}
