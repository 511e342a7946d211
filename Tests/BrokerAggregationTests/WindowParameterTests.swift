import BrokerWire
import Testing

@testable import BrokerAggregation

/// Which windows there can be.
@Suite("Parameters of windows") struct WindowParameterTests {
    private static let day: UInt64 = 86_400_000
    private static let zone = WindowAlignment(identifier: "Zone") { _ in 3_600_000 }

    /// The path of what is wrong.
    private static func problem(_ make: () throws(AggregatorError) -> Void) -> String? {
        do throws(AggregatorError) {
            try make()
            return nil
        } catch {
            guard case .configuration(let path, _) = error else { return "\(error)" }
            return path
        }
    }

    @Test(arguments: [
        (UInt64(99), "size"), (100, nil), (366 * day, nil), (366 * day + 1, "size"), (0, "size"), (.max, "size"),
    ])
    func aTumblingWindowHasALength(size: UInt64, path: String?) {
        #expect(Self.problem { () throws(AggregatorError) in _ = try WindowShape.tumbling(size: size) } == path)
    }

    @Test(arguments: [
        (day, nil), (6 * 3_600_000, nil), (100, nil), (7 * 3_600_000, "zone"), (2 * day, "zone"), (0, "size"),
    ])
    func aWindowInAZoneFitsIntoADay(size: UInt64, path: String?) {
        let found = Self.problem { () throws(AggregatorError) in
            _ = try WindowShape.tumbling(size: size, alignment: Self.zone)
        }
        #expect(found == path)
    }

    @Test(arguments: [
        (UInt64(300_000), UInt64(60_000), nil), (1000, 100, nil), (1000, 99, "every"), (1000, 0, "every"),
        (1000, 300, "every"), (1000, 2000, "every"), (1000, 1000, nil), (100_000, 100, nil), (100_100, 100, "every"),
        (99, 99, "size"), (366 * day + 1000, 1000, "size"),
    ])
    func aHoppingWindowIsMadeOfPanes(size: UInt64, every: UInt64, path: String?) {
        let found = Self.problem { () throws(AggregatorError) in _ = try WindowShape.hopping(size: size, every: every) }
        #expect(found == path)
    }

    @Test(arguments: [
        (UInt64(60_000), UInt64(1000), nil), (60_000, 7000, "resolution"), (100, 10, nil), (100, 9, "resolution"),
        (10, 10, nil), (9, 9, "size"), (10_000, 10, nil), (10_010, 10, "resolution"), (1000, 0, "resolution"),
        (366 * day + 1000, 1000, "size"),
    ])
    func aSlidingWindowIsMadeOfPanes(size: UInt64, resolution: UInt64, path: String?) {
        let found = Self.problem { () throws(AggregatorError) in
            _ = try WindowShape.sliding(size: size, resolution: resolution)
        }
        #expect(found == path)
    }

    @Test(arguments: [
        (UInt64(60_000), UInt64(1000)), (600, 10), (500, 10), (10, 10), (15, 15), (6001, 353), (7919, 7919),
        (366 * day, 366 * day / 60), (61_000, 1220),
    ])
    func aSlidingWindowHasUpToSixtyPanesWhereNothingIsSaid(size: UInt64, resolution: UInt64) throws {
        #expect(try WindowShape.sliding(size: size).paneSize == resolution)
    }

    @Test(arguments: [
        (UInt64(3_600_000), UInt64(86_400_000), nil), (3_600_001, 86_400_000, "grace"), (95_000, 100, nil),
        (95_099, 100, nil), (95_100, 100, "grace"), (.max, 86_400_000, "grace"),
    ])
    func graceKeepsOnlySoManyWindowsOpen(grace: UInt64, size: UInt64, path: String?) {
        let found = Self.problem { () throws(AggregatorError) in
            _ = try Windows.make("sum", try .tumbling(size: size), grace: grace)
        }
        #expect(found == path)
    }

    @Test(arguments: [(UInt64(5999), nil), (6000, "grace")])
    func graceIsShorterThanASlidingWindow(grace: UInt64, path: String?) {
        let found = Self.problem { () throws(AggregatorError) in
            _ = try Windows.make("sum", try .sliding(size: 6000), grace: grace)
        }
        #expect(found == path)
    }

    @Test func whatIsStoredNamesTheWindows() throws {
        let names = [
            (try WindowShape.tumbling(size: 60_000), "sum, tumbling 1m"),
            (try .tumbling(size: 90_000), "sum, tumbling 90s"),
            (try .tumbling(size: 1500), "sum, tumbling 1500ms"),
            (try .tumbling(size: Self.day, alignment: Self.zone), "sum, tumbling 1d in Zone"),
            (try .hopping(size: 300_000, every: 60_000), "sum, hopping 5m every 1m"),
            (try .sliding(size: 7_200_000), "sum, sliding 2h by 2m"),
        ]
        for (shape, name) in names {
            let plan = try WindowedAccumulator.Plan(inner: try BuiltInRules.factory("sum"), shape: shape)
            let factory = AggregatorRegistry.Factory(windowed: plan)
            #expect(factory.stateName == name)
            #expect(factory.descriptor.name == name)
            #expect(factory.input == .number)
            #expect(factory.makeAccumulator() is any TimedAccumulator)
            #expect(factory.makeAccumulator().descriptor == factory.descriptor)
        }
    }
}
