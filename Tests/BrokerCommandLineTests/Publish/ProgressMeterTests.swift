import Testing

@testable import BrokerCommandLine

@Suite("Progress of wspub")
struct ProgressMeterTests {
    @Test func itSaysHowFarHowFastAndWhatTheTotalIs() {
        var meter = ProgressMeter()
        let first = ProgressMeter.Reading(acknowledged: 1000, unacknowledged: 512)
        #expect(
            meter.line(first, at: .seconds(1), columns: 80) == "1,000 acknowledged, 0/s, 512 unacknowledged"
        )
        let second = ProgressMeter.Reading(acknowledged: 3500, refused: 2, value: "12345")
        #expect(
            meter.line(second, at: .milliseconds(1500), columns: 80)
                == "3,500 acknowledged, 5,000/s, 2 refused, total 12345"
        )
        #expect(meter.line(second, at: .seconds(2), columns: 11) == "3,500 ackn")
    }

    @Test func theRateIsThatOfTheLastSecond() {
        var meter = ProgressMeter()
        for step in 0..<20 {
            let reading = ProgressMeter.Reading(acknowledged: step < 10 ? 0 : (step - 10) * 100)
            let line = meter.line(reading, at: .milliseconds(200 * step), columns: 80)
            if step == 19 { #expect(line == "900 acknowledged, 500/s") }
        }
    }
}
