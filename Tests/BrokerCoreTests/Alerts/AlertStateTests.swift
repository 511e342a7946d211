import BrokerWire
import Testing

@testable import BrokerCore

/// The state machine of an alert, with the time passed in.
@Suite("Alert states")
struct AlertStateTests {
    private static let second: UInt64 = 1_000_000_000
    private static let key = Array("press".utf8)

    private static func number(_ text: String) throws -> ExactDecimal { try ExactDecimal(text) }

    /// Above 500, clears below 450.
    private static func rule(
        delay: UInt64 = 0,
        clearDelay: UInt64 = 0,
        latches: Bool = false,
        repeatInterval: UInt64 = 0
    ) throws -> AlertRule {
        var rule = AlertRule(
            name: "overpower",
            condition: .above(try Self.number("500"), clearBelow: try Self.number("450"))
        )
        rule.delay = delay * Self.second
        rule.clearDelay = clearDelay * Self.second
        rule.latches = latches
        rule.repeatInterval = repeatInterval * Self.second
        return rule
    }

    /// What comes of values and of passing time, in order: `500.1@0` measures, `@2` lets time pass.
    private func outcomes(_ steps: String, _ rule: AlertRule) throws -> [String] {
        var state = AlertState()
        return try steps.split(separator: " ").map { step in
            let parts = step.split(separator: "@", omittingEmptySubsequences: false)
            let time = UInt64((Double(parts[1]) ?? 0) * Double(Self.second)) + 1000
            let outcome =
                parts[0].isEmpty
                ? state.pass(rule, at: time)
                : rule.watchesSilence
                    ? state.heard(label: Self.key, rule, at: time)
                    : state.measure(try Self.number(String(parts[0])), from: Self.key, label: Self.key, rule, at: time)
            return outcome.map { "\($0)" } ?? "-"
        }
    }

    @Test(arguments: [
        // At the limit is not above it, and at the limit that clears is not below it.
        ("500@0 500.000000000000000001@1 450@2 449.999999999999999999@3", "- raised - cleared"),
        ("501@0 600@1 451@2 501@3", "raised - - -"),
        ("400@0 450@1", "- -"),
    ])
    func theLimitsThemselvesChangeNothing(steps: String, expected: String) throws {
        #expect(try self.outcomes(steps, Self.rule()).joined(separator: " ") == expected)
    }

    @Test(arguments: [
        ("501@0 @1.999 @2 @3", "- - raised -"),
        // A sample is as good as the timer.
        ("501@0 502@2", "- raised"),
        // Once in between is enough to begin again, even if only just.
        ("501@0 500@1 501@1.5 @2 @3.499 @3.5", "- - - - - raised"),
    ])
    func itIsRaisedAfterItsTimeAndNotBefore(steps: String, expected: String) throws {
        #expect(try self.outcomes(steps, Self.rule(delay: 2)).joined(separator: " ") == expected)
    }

    @Test(arguments: [
        ("501@0 449@1 @10.999 @11 @20", "raised - - cleared -"),
        ("501@0 449@1 450@5 @11 449@12 @21.999 449@22", "raised - - - - - cleared"),
    ])
    func itClearsAfterItsTimeAndNotBefore(steps: String, expected: String) throws {
        #expect(try self.outcomes(steps, Self.rule(clearDelay: 10)).joined(separator: " ") == expected)
    }

    @Test func withoutALimitOfItsOwnItClearsWhenItIsNotAboveAnyMore() throws {
        let rule = AlertRule(name: "a", condition: .above(try Self.number("5"), clearBelow: nil))
        #expect(try self.outcomes("6@0 5.1@1 5@2", rule) == ["raised", "-", "cleared"])
    }

    @Test func belowIsAboveTheOtherWayRound() throws {
        let condition = AlertRule.Condition.below(try Self.number("-1"), clearAbove: try Self.number("1"))
        let rule = AlertRule(name: "a", condition: condition)
        #expect(try self.outcomes("-1@0 -1.1@1 1@2 1.1@3", rule) == ["-", "raised", "-", "cleared"])
    }

    @Test func outsideHasTwoLimitsAndSaysWhich() throws {
        let inner = AlertRule.Bounds(low: try Self.number("12"), high: try Self.number("18"))
        let condition = AlertRule.Condition.outside(
            try Self.number("10"),
            try Self.number("20"),
            clearInside: inner
        )
        let rule = AlertRule(name: "a", condition: condition)
        #expect(
            try self.outcomes("10@0 20@0 20.1@1 18@2 12@3 12.1@4 9.9@5", rule)
                == ["-", "-", "raised", "-", "-", "cleared", "raised"]
        )
        #expect(rule.limitText(for: try Self.number("21")) == "20")
        #expect(rule.limitText(for: try Self.number("9")) == "10")
    }

    @Test func aLatchedAlertWaitsForAReset() throws {
        let rule = try Self.rule(latches: true)
        var state = AlertState()
        #expect(state.measure(try Self.number("501"), from: Self.key, label: Self.key, rule, at: 0) == .raised)
        #expect(state.measure(try Self.number("1"), from: Self.key, label: Self.key, rule, at: 1) == nil)
        #expect(state.pass(rule, at: 1 << 50) == nil)
        #expect(state.isRaised)
    }

    @Test func itIsSaidAgainWhileItIsRaised() throws {
        let steps = "501@0 @29.999 @30 @59 600@59.5 @60 449@61 @90"
        #expect(
            try self.outcomes(steps, Self.rule(repeatInterval: 30))
                == ["raised", "-", "repeated", "-", "-", "repeated", "cleared", "-"]
        )
    }

    // MARK: Silence

    @Test func silenceDoesNotClear() throws {
        let rule = try Self.rule(clearDelay: 10)
        var state = AlertState()
        _ = state.measure(try Self.number("501"), from: Self.key, label: Self.key, rule, at: 0)
        _ = state.measure(try Self.number("1"), from: Self.key, label: Self.key, rule, at: 1)
        state.lost(at: 2)
        #expect(state.phase == .raised)
        #expect(state.pass(rule, at: 1 << 50) == nil)
    }

    @Test func whatWasNotRaisedYetIsForgottenWithTheKey() throws {
        let rule = try Self.rule(delay: 2)
        var state = AlertState()
        _ = state.measure(try Self.number("501"), from: Self.key, label: Self.key, rule, at: 0)
        state.lost(at: 1)
        #expect(state.isQuiet)
    }

    /// The highest machine falls silent: that the others are fine does not mean that it is.
    @Test func theKeyWhoseLeavingMadeItWellHasToComeBack() throws {
        let rule = try Self.rule()
        let other = Array("drill".utf8)
        var state = AlertState()
        _ = state.measure(try Self.number("501"), from: Self.key, label: Self.key, rule, at: 0)
        state.lost(
            Self.key,
            own: try Self.number("501"),
            before: try Self.number("501"),
            after: try Self.number("300"),
            rule,
            at: 1
        )
        #expect(state.measure(try Self.number("300"), from: other, label: other, rule, at: 2) == nil)
        #expect(state.isRaised)
        #expect(state.measure(try Self.number("310"), from: Self.key, label: Self.key, rule, at: 3) == .cleared)
    }

    @Test func aKeyThatDoesNotMatterMayLeave() throws {
        let rule = try Self.rule()
        let other = Array("drill".utf8)
        var state = AlertState()
        _ = state.measure(try Self.number("501"), from: Self.key, label: Self.key, rule, at: 0)
        state.lost(
            other,
            own: try Self.number("1"),
            before: try Self.number("501"),
            after: try Self.number("501"),
            rule,
            at: 1
        )
        #expect(state.measure(try Self.number("310"), from: Self.key, label: Self.key, rule, at: 3) == .cleared)
    }

    @Test func silenceIsRaisedAfterTheLastSampleAndEndsWithTheNext() throws {
        let rule = AlertRule(name: "a", condition: .noData(30 * Self.second, text: "30s"))
        #expect(
            try self.outcomes("1@0 @29.999 1@29.999 @59 @59.999 @100 1@101 @130 @131", rule)
                == ["-", "-", "-", "-", "raised", "-", "cleared", "-", "raised"]
        )
    }
}
