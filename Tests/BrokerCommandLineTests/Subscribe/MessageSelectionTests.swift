import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("Which messages wssub shows")
struct MessageSelectionTests {
    private func message(_ topic: String, _ offset: UInt64, isRetained: Bool = false) throws -> Message {
        Message(topic: try Topic(topic), offset: offset, data: Array("\(offset)".utf8), isRetained: isRetained)
    }

    private func take(
        _ selection: inout MessageSelection,
        _ messages: [Message],
        endsSnapshot: Bool = false
    ) -> ([UInt64], Bool) {
        let (selected, isDone) = selection.take(messages, endsSnapshot: endsSnapshot)
        return (selected.map(\.offset), isDone)
    }

    @Test func theCountIsReachedAndNotPassed() throws {
        var selection = MessageSelection(countMax: 3)
        let messages = try (1...3).map { try self.message("a", $0) }
        #expect(self.take(&selection, Array(messages[..<2])) == ([1, 2], false))
        #expect(self.take(&selection, messages) == ([1], true))
    }

    @Test func whatIsLeftOutDoesNotCount() throws {
        var selection = MessageSelection(excluded: [try TopicFilter("a/#")], countMax: 1)
        #expect(self.take(&selection, [try self.message("a/b", 1)]) == ([], false))
        #expect(self.take(&selection, [try self.message("a/b", 2), try self.message("b", 3)]) == ([3], true))
    }

    @Test func onlyWhatWasThereBeforeAndNoMoreBehindIt() throws {
        var selection = MessageSelection(isRetainedOnly: true)
        let first = [try self.message("a", 1, isRetained: true), try self.message("a", 2)]
        #expect(self.take(&selection, first) == ([1], false))
        #expect(self.take(&selection, [], endsSnapshot: true) == ([], true))
    }

    @Test func itEndsWhereTheSubscriptionsAreTakenOnlyIfItIsAskedTo() throws {
        var all = MessageSelection()
        #expect(self.take(&all, [], endsSnapshot: true) == ([], false))
        var subscribed = MessageSelection(endsWithSnapshot: true)
        #expect(self.take(&subscribed, [try self.message("a", 1, isRetained: true)], endsSnapshot: true) == ([1], true))
    }

    @Test func theMessageThatMakesItTrueIsTheLast() throws {
        var selection = MessageSelection(until: try UntilCondition("value>=2"))
        let messages = try (1...3).map { try self.message("a", $0) }
        #expect(self.take(&selection, messages) == ([1, 2], true))
    }
}
