import Testing

@testable import BrokerClient

@Suite("Pending publishes")
struct PendingPublishesTests {
    @Test func eachIsFoundByItsNumberOnce() {
        var pending = PendingPublishes<String>()
        pending.append("a", id: 7)
        pending.append("b", id: 8)
        pending.append("c", id: 9)
        #expect(pending.take(6) == nil)
        #expect(pending.take(7) == "a")
        #expect(pending.take(7) == nil)
        #expect(pending.take(10) == nil)
        #expect(pending.count == 2)
        #expect(pending.take(8) == "b")
        #expect(pending.take(9) == "c")
        #expect(pending.isEmpty)
    }

    @Test func answersOutOfOrderFindTheirPublishToo() {
        var pending = PendingPublishes<Int>()
        for id in 1...4 { pending.append(id, id: UInt64(id)) }
        #expect(pending.take(3) == 3)
        #expect(pending.take(3) == nil)
        #expect(pending.take(1) == 1)
        pending.append(5, id: 5)
        #expect(pending.take(2) == 2)
        #expect(pending.takeAll() == [4, 5])
        #expect(pending.isEmpty)
    }

    @Test func afterALossTheNumbersGoOn() {
        var pending = PendingPublishes<Int>()
        pending.append(1, id: 1)
        #expect(pending.takeAll() == [1])
        pending.append(9, id: 9)
        #expect(pending.take(1) == nil)
        #expect(pending.take(9) == 9)
    }
}
