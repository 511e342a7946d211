import BrokerTestKit
import Foundation
import Testing

@testable import BrokerServer

/// The document of the broker's own tokens.
@Suite("Token list")
struct TokenListTests {
    /// printf %s secret | sha256sum
    private static let secret = "2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b"
    /// printf %s other | sha256sum
    private static let other = "d9298a10d1b0735837dc4bd85dac641b0f3cef27a47e5d53a54f2f3f5b2fcffa"

    private func problems(_ text: String) -> [String] {
        do throws(ConfigurationError) {
            _ = try TokenList(Array(text.utf8), named: "tokens.json")
            return []
        } catch {
            return error.problems.map(\.description)
        }
    }

    private func list(_ entries: String) throws -> TokenList {
        try TokenList(Array(#"{"tokens":[\#(entries)]}"#.utf8), named: "tokens.json")
    }

    private static func entry(_ name: String, _ sha256: String = secret, _ more: String = "") -> String {
        #"{"name":"\#(name)","sha256":"\#(sha256)"\#(more)}"#
    }

    @Test func aTokenIsFoundByItsHash() throws {
        let list = try self.list(Self.entry("meter-17") + "," + Self.entry("meter-18", Self.other.uppercased()))
        #expect(list.entry(of: "secret")?.name == "meter-17")
        #expect(list.entry(of: "other")?.name == "meter-18")
        for wrong in ["", "Secret", "secret ", "secre", Self.secret] { #expect(list.entry(of: wrong) == nil) }
    }

    @Test func aHashThatDiffersInOneByteIsAnotherToken() throws {
        for place in 0..<32 {
            var hash = TokenList.sha256("secret")
            hash[place] ^= 1
            let list = try self.list(Self.entry("meter", Hexadecimal.text(hash)))
            #expect(list.entry(of: "secret") == nil, "\(place)")
        }
    }

    @Test func severalTokensOfOneNameCountAtOnce() throws {
        let list = try self.list(Self.entry("meter-17") + "," + Self.entry("meter-17", Self.other))
        #expect(list.entry(of: "secret")?.name == "meter-17")
        #expect(list.entry(of: "other")?.name == "meter-17")
    }

    @Test func anEntryEndsAtTheMomentThatItSays() throws {
        let list = try self.list(Self.entry("a", Self.secret, #","expires":"2027-01-01T00:00:00Z""#))
        let entry = try #require(list.entry(of: "secret"))
        #expect(entry.expires == 1_798_761_600_000)
        #expect(!entry.isExpired(at: 1_798_761_599_999))
        #expect(entry.isExpired(at: 1_798_761_600_000))
        #expect(try !self.list(Self.entry("a")).entries[0].isExpired(at: .max))
    }

    @Test func noTokensAreAListToo() throws {
        #expect(try self.list("").entries.isEmpty)
    }

    /// CVE-2018-12551: a line that was not understood was skipped, and with it what it should have forbidden.
    @Test(arguments: [
        ("", "tokens.json: is empty"),
        (" \n", "tokens.json: is empty"),
        ("{", "tokens.json: is not JSON"),
        ("[]", "tokens.json: has to be an object: "),
        ("{}", "tokens.json: has no list of 'tokens'"),
        (#"{"tokens":{}}"#, "tokens.json: has no list of 'tokens'"),
        (#"{"token":[]}"#, "tokens.json: has the unknown key 'token'; there is only 'tokens'"),
        (#"{"tokens":[1]}"#, "tokens.json: tokens[0]: has to be an object, not a number"),
        (#"{"tokens":[{"name":"a"}]}"#, "tokens.json: tokens[0].sha256: is missing"),
        (#"{"tokens":[{"sha256":"\#(secret)"}]}"#, "tokens.json: tokens[0].name: is missing"),
        (#"{"tokens":[\#(entry(""))]}"#, "tokens.json: tokens[0].name: has to be 1 to 128 of the characters"),
        (#"{"tokens":[\#(entry(" "))]}"#, "tokens.json: tokens[0].name: has to be 1 to 128 of the characters"),
        (#"{"tokens":[\#(entry("a/b"))]}"#, "tokens.json: tokens[0].name: has to be 1 to 128 of the characters"),
        (#"{"tokens":[\#(entry("#"))]}"#, "tokens.json: tokens[0].name: has to be 1 to 128 of the characters"),
        (#"{"tokens":[\#(entry("ä"))]}"#, "tokens.json: tokens[0].name: has to be 1 to 128 of the characters"),
        (#"{"tokens":[\#(entry("anonymous"))]}"#, "tokens.json: tokens[0].name: can not be 'anonymous'"),
        (#"{"tokens":[\#(entry("administrator"))]}"#, "tokens.json: tokens[0].name: can not be 'administrator'"),
        (#"{"tokens":[\#(entry("a", "ab"))]}"#, "tokens.json: tokens[0].sha256: has to be 64 hexadecimal digits"),
        (#"{"tokens":[\#(entry("a", secret + "a"))]}"#, "tokens.json: tokens[0].sha256: has to be 64 hexadecimal"),
        (#"{"tokens":[\#(entry("a", "x" + secret.dropFirst()))]}"#, "tokens.json: tokens[0].sha256: has to be 64"),
        (
            #"{"tokens":[\#(entry("a")),\#(entry("b", secret.uppercased()))]}"#,
            "tokens.json: tokens[1].sha256: is the one of tokens[0] too"
        ),
        (
            #"{"tokens":[\#(entry("a", secret, #","expire":"2027-01-01T00:00:00Z""#))]}"#,
            "tokens.json: tokens[0].expire: unknown key; did you mean 'tokens.json: tokens[0].expires'?"
        ),
        (#"{"tokens":[\#(entry("a", secret, #","foo":1"#))]}"#, "tokens.json: tokens[0].foo: unknown key"),
        (
            #"{"tokens":[{"name":"a","token":"wsb_a-secret"}]}"#,
            "tokens.json: tokens[0].token: is no key: the list has its 'sha256', which 'wsbroker token create' writes"
        ),
        (
            #"{"tokens":[\#(entry("a", secret, #","expires":"2027-01-01""#))]}"#,
            "tokens.json: tokens[0].expires: has to"
        ),
        (
            #"{"tokens":[\#(entry("a", secret, #","expires":"2027-02-30T00:00:00Z""#))]}"#,
            "tokens.json: tokens[0].expires: has to be a time in UTC"
        ),
        (
            #"{"tokens":[\#(entry("a", secret, #","expires":1"#))]}"#,
            "tokens.json: tokens[0].expires: can not be a number"
        ),
    ])
    func whatIsNotUnderstoodIsRefusedWithItsPlace(text: String, problem: String) {
        let problems = self.problems(text)
        #expect(problems.contains { $0.hasPrefix(problem) }, "\(problems)")
    }

    @Test func allThatIsWrongIsSaidAtOnceAndNothingSecret() {
        let problems = self.problems(#"{"tokens":[{"name":"a b","sha256":"wsb_the-token-itself"},{"name":"b"}]}"#)
        #expect(problems.count == 3)
        #expect(!problems.joined().contains("the-token-itself"))
    }

    @Test func aNameHasAtMost128Characters() throws {
        #expect(try self.list(Self.entry(String(repeating: "n", count: 128))).entries.count == 1)
        let long = Self.entry(String(repeating: "n", count: 129))
        #expect(self.problems(#"{"tokens":[\#(long)]}"#).count == 1)
    }

    @Test func thereAreAtMostTenThousandTokens() throws {
        func document(_ count: Int) -> String {
            let entries = (0..<count).map { Self.entry("n", TokenListTests.digits($0)) }
            return #"{"tokens":[\#(entries.joined(separator: ","))]}"#
        }
        #expect(self.problems(document(10_000)) == [])
        #expect(self.problems(document(10_001)) == ["tokens.json: has more than 10000 tokens"])
    }

    private static func digits(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 64 - digits.count) + digits
    }

    // MARK: The file

    @Test func addingKeepsWhatIsThereAndTheFileIsItsOwnersAlone() throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("tokens.json").path
        for token in ["secret", "other"] {
            try TokenFile(path: path).add(.init(name: "a", sha256: TokenList.sha256(token), expires: 1000))
        }
        let list = try TokenList(Array(Data(contentsOf: URL(fileURLWithPath: path))), named: path)
        #expect(list.entries.map(\.sha256) == [TokenList.sha256("secret"), TokenList.sha256("other")])
        #expect(list.entry(of: "other")?.expires == 1000)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["tokens.json"])
    }

    @Test func aWrongFileStaysAsItIs() throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let file = folder.appendingPathComponent("tokens.json")
        try Data(#"{"tokens":[{"name":"a"}]}"#.utf8).write(to: file)
        #expect(throws: BrokerError.self) {
            try TokenFile(path: file.path).add(.init(name: "a", sha256: TokenList.sha256("secret"), expires: nil))
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == #"{"tokens":[{"name":"a"}]}"#)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path) == ["tokens.json"])
    }

    @Test func whoChangesTheFileHasItToHimself() throws {
        let folder = try TestBroker.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        let path = folder.appendingPathComponent("tokens.json").path
        try Data().write(to: URL(fileURLWithPath: path + ".new"))
        let error = #expect(throws: BrokerError.self) {
            try TokenFile(path: path).add(.init(name: "a", sha256: TokenList.sha256("secret"), expires: nil))
        }
        #expect("\(try #require(error))".contains("if nobody is changing"))
        #expect(FileManager.default.fileExists(atPath: path + ".new"), "it is not ours to delete")
    }
}
