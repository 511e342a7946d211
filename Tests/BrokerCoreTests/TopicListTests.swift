import BrokerCore
import BrokerTestKit
import BrokerWire
// FoundationEssentials to split text.
import FoundationEssentials
import Testing

/// What topics there are.
@Suite struct TopicListTests {
    private func list(
        of filter: String = "#",
        limit: Int = 100,
        after: String = "",
        _ harness: CoreHarness,
        _ client: CoreHarness.Client
    ) throws -> ServerFrame? {
        let filter = try TopicFilter(filter)
        return harness.administer(.list(filter: filter, limit: limit, after: Array(after.utf8)), from: client).first
    }

    private static func names(_ frame: ServerFrame?) -> [String] {
        (frame?["topics"] ?? "").components(separatedBy: #"{"topic":""#).dropFirst()
            .map { String($0.prefix { $0 != "\"" }) }
    }

    @Test func topicsAreListedInTheOrderOfTheirBytesWithWhatTheyHold() throws {
        let harness = try CoreHarness([TopicRule("clicks/+", "sum")])
        let client = harness.connect()
        harness.ask(#"{"op":"pub","id":1,"topic":"news","data":{"a":1},"retain":true}"#, from: client)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks/b","data":9007199254740993}"#, from: client)
        harness.ask(#"{"op":"pub","id":1,"topic":"clicks/a","data":2}"#, from: client)
        harness.ask(#"{"op":"pub","id":1,"topic":"event","data":3}"#, from: client)
        harness.ask(#"{"op":"sub","id":1,"topic":"nothing"}"#, from: client)
        let frame = try self.list(harness, client)
        let time = harness.time.wall
        let clicks = #""aggregate":"sum","epoch":"k1","offset":1,"ts":\#(time),"data""#
        #expect(
            frame?["topics"]?.hasPrefix(
                #"[{"topic":"clicks/a",\#(clicks):2},{"topic":"clicks/b",\#(clicks):9007199254740993,"#
                    + #""exact":"9007199254740993"},{"topic":"event","#
            ) == true,
            "\(frame?.text ?? "")"
        )
        #expect(frame?["topics"]?.hasSuffix(#""ts":\#(time),"data":{"a":1},"retained":true}]"#) == true)
        #expect(frame?["next"] == nil)
    }

    @Test(arguments: [1, 7, 300, 1000])
    func pagesJoinWithoutGapOrOverlap(limit: Int) throws {
        let harness = try CoreHarness([TopicRule("+", "sum"), TopicRule("x/+", "sum")])
        let client = harness.connect()
        let names = (0..<300).map { "t\($0 * 7919 % 300)" }
        for name in names { harness.send(#"{"op":"pub","topic":"\#(name)","data":1}"#, from: client) }
        harness.ask(#"{"op":"pub","topic":"x/y","data":1}"#, from: client)
        var found: [String] = []
        var after: String? = ""
        while let place = after {
            let frame = try self.list(of: "+", limit: limit, after: place, harness, client)
            let page = Self.names(frame)
            #expect(page.count <= limit)
            found += page
            after = frame?.string("next")
        }
        #expect(found == Set(names).sorted())
    }

    @Test func aListIsPutTogetherInSteps() throws {
        let harness = try CoreHarness([TopicRule("#", "sum")])
        let client = harness.connect()
        for number in 0..<20_000 { harness.send(#"{"op":"pub","topic":"t/\#(number)","data":1}"#, from: client) }
        harness.settle()
        harness.start(.list(filter: try TopicFilter("#"), limit: 3, after: []), from: client)
        var steps = 0
        while harness.broker.hasWork {
            steps += 1
            harness.broker.takeEffects { hub, batch in harness.hubs[hub].apply(batch, at: 0) }
        }
        harness.hubs[0].flush(at: 0)
        #expect(steps == 5)
        #expect(Self.names(client.frames().first) == ["t/0", "t/1", "t/10"])
    }

    @Test func whoMayNotSubscribeGetsNoList() throws {
        let harness = try CoreHarness(rights: [.publish])
        let client = harness.connect()
        let filter = try TopicFilter("#")
        harness.start(.list(filter: filter, limit: 1, after: []), from: client, as: .anonymous)
        harness.settle()
        #expect(client.frames().map(\.code) == [4103])
    }

    @Test func largeMessagesMakeAPageShort() throws {
        let harness = try CoreHarness()
        let client = harness.connect()
        let text = String(repeating: "x", count: 60_000)
        for number in 10..<40 {
            harness.ask(#"{"op":"pub","id":1,"topic":"t\#(number)","data":"\#(text)","retain":true}"#, from: client)
        }
        let first = try self.list(harness, client)
        #expect((first?.text.utf8.count ?? 0) < 1_200_000)
        let second = try self.list(after: first?.string("next") ?? "", harness, client)
        #expect(Self.names(first) + Self.names(second) == (10..<40).map { "t\($0)" })
    }
}
