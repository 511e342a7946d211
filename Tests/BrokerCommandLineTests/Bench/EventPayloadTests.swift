import BrokerClient
import Testing

@testable import BrokerCommandLine

@Suite("Events of a run")
struct EventPayloadTests {
    @Test(arguments: [EventPayload.bytesMin, 27, 128, 65_000])
    func anEventHasItsSizeAndTellsItsTime(size: Int) {
        var payload = EventPayload(size: size, run: 0xBEEF)
        for time in [0, 1, 0x1234_5678_9ABC_DEF0, UInt64.max] {
            payload.stamp(time)
            #expect(payload.bytes.count == size)
            #expect(payload.bytes.withUnsafeBytes { JSONCheck.problem(in: $0) } == nil)
            #expect(payload.time(in: payload.bytes) == time)
        }
    }

    @Test func theTextIsFixed() {
        var payload = EventPayload(size: 30, run: 0xBEEF)
        payload.stamp(255)
        #expect(String(decoding: payload.bytes, as: UTF8.self) == #""0000beef00000000000000ffxxxx""#)
    }

    @Test func whatIsNotOfTheRunHasNoTime() {
        let payload = EventPayload(size: 30, run: 1)
        #expect(payload.time(in: EventPayload(size: 30, run: 2).bytes) == nil)
        #expect(payload.time(in: EventPayload(size: 31, run: 1).bytes) == nil)
        #expect(payload.time(in: Array("12".utf8)) == nil)
        // The place of the time holds padding.
        #expect(payload.time(in: payload.bytes) == nil)
    }
}
