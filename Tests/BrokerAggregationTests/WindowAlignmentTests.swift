import BrokerWire
import Testing

@testable import BrokerAggregation

/// Windows by the clocks of a time zone.
@Suite("Windows in a time zone") struct WindowAlignmentTests {
    private static let hour: UInt64 = 3_600_000
    private static let day = 24 * hour

    /// A zone that is `standard` ahead, and `summer` more from the 100th day at `forward` until the 300th at `back`.
    ///
    /// - `forward`, `back`: In hours of UTC.
    struct Zone: Sendable, CustomStringConvertible {
        var description: String
        var standard: Int64
        var summer: Int64 = 3_600_000
        var forward: UInt64
        var back: UInt64

        var forwardTime: UInt64 { 100 * 86_400_000 + self.forward * 3_600_000 }
        var backTime: UInt64 { 300 * 86_400_000 + self.back * 3_600_000 }

        var alignment: WindowAlignment {
            WindowAlignment(identifier: self.description) { [self] time in
                self.standard + (self.forwardTime <= time && time < self.backTime ? self.summer : 0)
            }
        }

        func local(_ time: UInt64) -> Int64 {
            Int64(time) + self.standard + (self.forwardTime <= time && time < self.backTime ? self.summer : 0)
        }
    }

    static let zones = [
        Zone(description: "changes at 2 and 3", standard: 3_600_000, forward: 1, back: 1),
        Zone(description: "changes by half an hour", standard: 37_800_000, summer: 1_800_000, forward: 15, back: 15),
        Zone(description: "has midnight twice", standard: -18_000_000, forward: 5, back: 5),
        Zone(description: "has no midnight once", standard: -10_800_000, forward: 3, back: 2),
        Zone(description: "is ahead", standard: 46_800_000, forward: 14, back: 13),
    ]

    private static let sizes: [UInt64] = [
        day, 12 * hour, 6 * hour, 3 * hour, 2 * hour, hour, 1_800_000, 2_400_000, 60_000,
    ]

    /// Instants around both changes, and others.
    private static func instants(_ zone: Zone) -> [UInt64] {
        var random = SeededGenerator(seed: 1)
        var instants = [UInt64(0), 1] + (1...30).map { $0 * Self.hour }
        for change in [zone.forwardTime, zone.backTime] {
            for step in UInt64(0)..<100 { instants.append(change - 26 * Self.hour + step * 30 * 60_000) }
            instants += [change - 1, change, change + 1]
            for _ in 0..<30 { instants.append(change - Self.hour + UInt64(random.below(7_200_000))) }
        }
        for _ in 0..<30 { instants.append(UInt64(random.below(400 * 86_400_000))) }
        return instants
    }

    @Test(arguments: zones, sizes)
    func windowsTileTheTimeLine(zone: Zone, size: UInt64) throws {
        let alignment = zone.alignment
        for time in Self.instants(zone) {
            let window = alignment.window(containing: time, size: size)
            #expect(window.contains(time))
            #expect(alignment.window(containing: window.lowerBound, size: size) == window)
            #expect(alignment.window(containing: window.upperBound - 1, size: size) == window)
            #expect(alignment.window(containing: window.upperBound, size: size).lowerBound == window.upperBound)
            guard window.lowerBound > 0 else { continue }
            #expect(alignment.window(containing: window.lowerBound - 1, size: size).upperBound == window.lowerBound)
        }
    }

    /// Each window holds the local times of one slot only, and begins where the slot does or the clocks change.
    @Test(arguments: zones, sizes)
    func aWindowIsInOneSlotOfLocalTime(zone: Zone, size: UInt64) throws {
        let size64 = Int64(size)
        func slot(_ time: UInt64) -> Int64 {
            let local = zone.local(time)
            return local >= 0 ? local / size64 : (local - size64 + 1) / size64
        }
        for time in Self.instants(zone) {
            let window = zone.alignment.window(containing: time, size: size)
            #expect(slot(window.lowerBound) == slot(time))
            #expect(slot(window.upperBound - 1) == slot(time))
            let beginsASlot = zone.local(window.lowerBound) % size64 == 0
            let beginsWithAChange = [zone.forwardTime, zone.backTime].contains(window.lowerBound)
            #expect(beginsASlot || beginsWithAChange || window.lowerBound == 0)
        }
    }

    @Test(arguments: zones)
    func aDayIsFromMidnightToMidnight(zone: Zone) throws {
        var start = zone.alignment.window(containing: 90 * Self.day, size: Self.day).lowerBound
        for _ in 90..<320 {
            let window = zone.alignment.window(containing: start, size: Self.day)
            let hasNoMidnight = start == zone.forwardTime
            #expect(zone.local(start) % 86_400_000 == (hasNoMidnight ? zone.summer : 0))
            let change: Int64 =
                window.contains(zone.forwardTime) ? -zone.summer : window.contains(zone.backTime) ? zone.summer : 0
            #expect(Int64(window.upperBound - window.lowerBound) == 86_400_000 + change)
            start = window.upperBound
        }
    }

    @Test func quartersOfADayBeginAtTheirHours() throws {
        let zone = Self.zones[0]
        for change in [zone.forwardTime, zone.backTime] {
            var start = zone.alignment.window(containing: change - Self.day, size: 6 * Self.hour).lowerBound
            for _ in 0..<8 {
                #expect([0, 6, 12, 18].contains(zone.local(start) % 86_400_000 / 3_600_000))
                #expect(zone.local(start) % 3_600_000 == 0)
                start = zone.alignment.window(containing: start, size: 6 * Self.hour).upperBound
            }
        }
    }

    @Test(arguments: zones.filter { $0.summer == 3_600_000 })
    func anHourIsAlwaysAnHour(zone: Zone) throws {
        for time in Self.instants(zone) {
            let window = zone.alignment.window(containing: time, size: Self.hour)
            #expect(window.upperBound - window.lowerBound == Self.hour)
        }
    }

    /// The day on which the clocks go back, in a whole run: it has 25 hours, and no hour's samples go astray.
    @Test func theLongDayHasAllItsSamples() throws {
        let zone = Self.zones[0]
        let shape = try WindowShape.tumbling(size: Self.day, alignment: zone.alignment)
        #expect(shape.description == "tumbling 1d in changes at 2 and 3")
        let window = try Windows.make("count", shape)
        let midnight = 300 * Self.day - 2 * Self.hour
        var closed: [WindowValue] = []
        for hour in UInt64(0)..<49 {
            let time = midnight + hour * Self.hour
            for case .closed(let value) in window.steps(at: time) { closed.append(value) }
            try window.add(Windows.sample(1, time))
            #expect(try window.restored().running == window.running)
        }
        for case .closed(let value) in window.steps(at: midnight + 50 * Self.hour) { closed.append(value) }
        #expect(closed.map(\.value) == [.count(25), .count(24)])
        #expect(closed.map(\.start) == [midnight, midnight + 25 * Self.hour])
        #expect(closed.map(\.end) == [midnight + 25 * Self.hour, midnight + 49 * Self.hour])
    }

    @Test func emptyWindowsFollowTheZoneToo() throws {
        let zone = Self.zones[0]
        let shape = try WindowShape.tumbling(size: Self.day, alignment: zone.alignment)
        let window = try Windows.make("count", shape, empty: .zero)
        let midnight = 300 * Self.day - 2 * Self.hour
        try window.add(Windows.sample(1, midnight - 1))
        #expect(window.steps(at: midnight).count == 1)
        #expect(window.deadline == midnight + 25 * Self.hour)
        let steps = window.steps(at: midnight + 60 * Self.hour)
        #expect(steps == [Windows.closed(0, midnight + 25 * Self.hour, midnight + 49 * Self.hour)])
    }
}
