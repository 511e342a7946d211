import Testing

@testable import BrokerCore

@Suite("Line budget")
struct LineBudgetTests {
    @Test func soManyLinesInASecondAndThenTheirNumber() {
        var budget = LineBudget()
        let start: UInt64 = 5_000_000_000
        for _ in 1...LineBudget.linesPerSecond { #expect(budget.take(at: start) == 0) }
        #expect(budget.take(at: start) == nil)
        #expect(budget.take(at: start + 999_999_999) == nil)
        #expect(budget.take(at: start + 1_000_000_000) == 2)
        #expect(budget.take(at: start + 1_000_000_000) == 0)
    }
}
