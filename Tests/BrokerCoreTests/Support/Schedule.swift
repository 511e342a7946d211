import BrokerCore
import BrokerTestKit
import BrokerWire

/// A seeded run of a broker with several clients, with everything that any of them may see checked against a model.
final class Schedule {
    /// What one client has asked and may see.
    private final class Viewer {
        let client: CoreHarness.Client
        /// The ids of requests without an answer, in order.
        var asked: [Int] = []
        /// The filters that it has asked for and not given up; `true` for every message.
        var filters: [String: Bool] = [:]
        /// The last request for each filter.
        var requests: [String: Int] = [:]
        /// The last offset of each topic that it was shown by a message or a snapshot.
        var seen: [String: Int] = [:]
        /// Exact topics with one subscription of their own and nothing else that matches: offset of the snapshot.
        var joined: [String: Int] = [:]

        init(_ client: CoreHarness.Client) { self.client = client }
    }

    private struct Publish {
        var topic: String
        var offset: Int
        var isStored: Bool
        var isRolledBack = false
    }

    private struct Asked {
        var text: String
        var filter: String?
        var publish: Int?
    }

    private var random: SeededGenerator
    let harness: CoreHarness
    private var model = BrokerModel()
    private var viewers: [Viewer]
    private var requests: [Int: Asked] = [:]
    private var publishes: [Publish] = []
    private var nextID = 1
    private var batchCount = 0
    /// What happened, for whoever has to understand a failure.
    private(set) var trace: [String] = []
    /// What was wrong.
    private(set) var problems: [String] = []

    private static let topics = ["d/1", "d/2", "m/1", "m/2", "e/1"]
    private static let wildcards = ["#", "d/+", "+/1", "m/#"]

    init(seed: UInt64) throws {
        self.random = SeededGenerator(seed: seed)
        let hubCount = self.random.chance(30) ? 2 : 1
        self.harness = try CoreHarness(
            [
                TopicRule("d/+", "sum", number: .int),
                TopicRule("m/+", "sum", number: .int, durability: .memory),
            ],
            hubCount: hubCount
        )
        self.viewers = []
        for index in 0..<3 { self.viewers.append(Viewer(self.harness.connect(hub: index % hubCount))) }
    }

    /// What all clients were sent.
    var bytes: [[UInt8]] { self.harness.clients.map(\.connection.bytes) }

    func run(steps: Int) {
        for _ in 0..<steps where self.problems.isEmpty { self.step() }
        self.finish()
    }

    private func fail(_ problem: String) { self.problems.append(problem) }

    // MARK: Steps

    private func step() {
        let viewer = self.random.pick(self.viewers)
        switch self.random.below(100) {
        case 0..<45: self.publish(viewer)
        case 45..<55: self.subscribe(viewer)
        case 55..<58: self.unsubscribe(viewer)
        case 58..<64: self.ask(viewer, #""op":"get","topic":"\#(self.random.pick(Self.topics))""#)
        case 64..<66: self.ask(viewer, #""op":"ping""#)
        case 66..<69: self.harness.setWritable(!viewer.client.connection.isWritable, viewer.client)
        case 69..<72: self.harness.advance(milliseconds: UInt64(self.random.below(400)))
        case 72..<84: self.commit(self.random.chance(80) ? .committed : .full(reason: "no room"))
        default: self.harness.tick()
        }
        self.look()
    }

    private func ask(_ viewer: Viewer, _ fields: String, filter: String? = nil, publish: Int? = nil) {
        guard viewer.client.session?.isHeld == false else { return }
        let id = self.nextID
        self.nextID += 1
        self.requests[id] = Asked(text: fields, filter: filter, publish: publish)
        viewer.asked.append(id)
        self.note("asks \(id): \(fields)", viewer)
        self.harness.send("{\"id\":\(id),\(fields)}", from: viewer.client)
    }

    private func publish(_ viewer: Viewer) {
        guard viewer.client.session?.isHeld == false else { return }
        let topic = self.random.pick(Self.topics)
        let number = self.random.below(2000) - 500
        let retain = topic.hasPrefix("e") && self.random.chance(25)
        let offset = self.model.publish(topic, number, retain: retain)
        let isStored = (self.model.topics[topic]?.committed ?? 0) < offset
        self.publishes.append(Publish(topic: topic, offset: offset, isStored: isStored))
        let fields = #""op":"pub","topic":"\#(topic)","data":\#(number)\#(retain ? #","retain":true"# : "")"#
        if self.random.chance(30) {
            self.note("says \(fields)", viewer)
            self.harness.send("{\(fields)}", from: viewer.client)
        } else {
            self.ask(viewer, fields, publish: self.publishes.count - 1)
        }
    }

    private func subscribe(_ viewer: Viewer) {
        guard viewer.client.session?.isHeld == false else { return }
        let filter = self.random.pick(self.random.chance(60) ? Self.topics : Self.wildcards)
        let mode = self.random.pick(["", #","mode":"all""#, #","mode":"latest""#, #","mode":"latest","maxRate":5"#])
        let isEvent = filter.hasPrefix("e")
        self.ask(viewer, #""op":"sub","topic":"\#(filter)"\#(mode)"#, filter: filter)
        viewer.joined[filter] = nil
        viewer.requests[filter] = self.nextID - 1
        viewer.filters[filter] = mode.contains("all") || (mode.isEmpty && isEvent)
    }

    private func unsubscribe(_ viewer: Viewer) {
        guard viewer.client.session?.isHeld == false, !viewer.filters.isEmpty else { return }
        let filter = self.random.pick(viewer.filters.keys.sorted())
        viewer.filters[filter] = nil
        viewer.joined[filter] = nil
        self.ask(viewer, #""op":"unsub","topic":"\#(filter)""#)
    }

    private func commit(_ outcome: CommitOutcome) {
        guard self.harness.storing != nil else { return }
        self.look()
        if outcome == .committed {
            self.model.commitSucceeded()
        } else {
            self.model.commitFailed(
                stored: Set(self.harness.rows.values.map { String(decoding: $0.name, as: UTF8.self) })
            )
            for index in self.publishes.indices where self.publishes[index].isStored {
                let publish = self.publishes[index]
                if publish.offset > self.model.topics[publish.topic]?.committed ?? 0 {
                    self.publishes[index].isRolledBack = true
                    self.publishes[index].offset = .max
                }
            }
        }
        self.trace.append("\(outcome)")
        self.harness.finishCommit(outcome)
    }

    private func finish() {
        for viewer in self.viewers { self.harness.setWritable(true, viewer.client) }
        self.harness.tick()
        self.look()
        while self.harness.storing != nil {
            self.commit(.committed)
            self.look()
        }
        self.harness.advance(milliseconds: 10_000)
        self.look()
        guard self.problems.isEmpty else { return }
        for viewer in self.viewers where viewer.client.session != nil { self.checkEnd(of: viewer) }
        self.checkRows()
    }

    // MARK: Checks

    /// Looks at everything that has come out since the last time.
    private func look() {
        self.checkBatch()
        for viewer in self.viewers {
            for frame in viewer.client.frames() where self.problems.isEmpty { self.check(frame, viewer) }
            if let violation = viewer.client.connection.violation { self.fail("\(violation)") }
            guard viewer.client.session == nil else { continue }
            // Closed, because a page of retained messages could not be kept: the client comes again.
            let hub = self.random.below(self.harness.hubs.count)
            self.viewers.removeAll { $0 === viewer }
            self.viewers.append(Viewer(self.harness.connect(hub: hub)))
        }
    }

    private func checkBatch() {
        guard self.harness.batches.count > self.batchCount, let batch = self.harness.batches.last else { return }
        self.batchCount = self.harness.batches.count
        let expected = self.model.beginCommit()
        var found: [String: Int] = [:]
        for row in batch.rows { found[String(decoding: row.name, as: UTF8.self)] = Int(row.offset) }
        if found != expected || found.count != batch.rows.count { self.fail("stored \(found), not \(expected)") }
    }

    private func note(_ what: String, _ viewer: Viewer) {
        let number = self.harness.clients.firstIndex { $0 === viewer.client } ?? -1
        self.trace.append("\(number)\(viewer.client.connection.isWritable ? "" : " (blocked)") \(what)")
    }

    private func check(_ frame: ServerFrame, _ viewer: Viewer) {
        self.note("gets \(frame)", viewer)
        if frame.operation == "msg" { return self.checkMessage(frame, viewer) }
        guard let id = frame.integer("id") else {
            if frame.operation != "err" || frame.code != 4203 { self.fail("unexpected \(frame)") }
            return
        }
        guard let first = viewer.asked.first, first == id, let request = self.requests[id] else {
            return self.fail("\(frame) is the answer to another request than \(viewer.asked.first ?? 0)")
        }
        viewer.asked.removeFirst()
        if let publish = request.publish { return self.checkVerdict(self.publishes[publish], frame, request) }
        if frame.operation == "err" {
            if frame.code != 4203, frame.code != 4404 { self.fail("\(frame) to \(request.text)") }
            if let filter = request.filter, viewer.requests[filter] == id { viewer.filters[filter] = nil }
            return
        }
        if frame.offset != nil { self.checkValue(frame, isMessage: false) }
        guard let filter = request.filter, let offset = frame.offset, viewer.requests[filter] == id else { return }
        viewer.seen[filter] = max(viewer.seen[filter] ?? 0, offset)
        if viewer.filters[filter] == true { viewer.joined[filter] = offset }
    }

    private func checkVerdict(_ publish: Publish, _ frame: ServerFrame, _ request: Asked) {
        guard frame.operation == "ack" else {
            if !publish.isRolledBack || frame.code != 4203 { self.fail("\(frame) to \(request.text)") }
            return
        }
        if publish.isRolledBack || frame.offset != publish.offset {
            return self.fail("\(frame) to \(request.text), whose offset is \(publish.offset)")
        }
        guard let topic = self.model.topics[publish.topic], publish.offset <= topic.committed else {
            return self.fail("\(frame) to \(request.text), which is not committed")
        }
        if frame["data"] != nil, frame["data"] != topic.changes[publish.offset - 1].data {
            self.fail("\(frame), not \(topic.changes[publish.offset - 1])")
        }
    }

    /// Whatever a frame says about a topic was true at its offset, and is committed.
    private func checkValue(_ frame: ServerFrame, isMessage: Bool) {
        guard let topic = self.model.topics[frame.topic], let offset = frame.offset else {
            if frame.offset != 0 { self.fail("\(frame) is about nothing") }
            return
        }
        guard offset <= topic.committed else { return self.fail("\(frame) is committed up to \(topic.committed)") }
        guard offset > 0 else { return }
        let change = topic.changes[offset - 1]
        if frame["data"] != (isMessage ? change.data : change.value) { self.fail("\(frame), not \(change)") }
    }

    private func checkMessage(_ frame: ServerFrame, _ viewer: Viewer) {
        let isRetained = frame["retained"] == "true"
        self.checkValue(frame, isMessage: !isRetained)
        let offset = frame.offset ?? 0
        let seen = viewer.seen[frame.topic] ?? 0
        if isRetained ? offset < seen : offset < seen || (offset == seen && frame.topic.hasPrefix("e")) {
            self.fail("\(frame) after offset \(seen)")
        }
        viewer.seen[frame.topic] = max(seen, offset)
        guard !isRetained else { return }
        if let last = viewer.joined[frame.topic] {
            if offset != last + 1 { self.fail("\(frame) leaves a gap after \(last), or overlaps it") }
            viewer.joined[frame.topic] = offset
        }
    }

    private func checkEnd(of viewer: Viewer) {
        if !viewer.asked.isEmpty { self.fail("no answer to \(viewer.asked)") }
        for topic in Self.topics {
            let newest = self.model.topics[topic]?.committed ?? 0
            if let last = viewer.joined[topic], last != newest { self.fail("\(topic) ends at \(newest), not \(last)") }
            guard viewer.filters[topic] == false, let seen = viewer.seen[topic], seen > 0 else { continue }
            if !topic.hasPrefix("e"), seen != newest { self.fail("the newest of \(topic) is \(newest), not \(seen)") }
        }
        if viewer.client.session?.unacknowledgedMessages != 0 { self.fail("an allowance was not given back") }
    }

    private func checkRows() {
        for row in self.harness.storedRows {
            let name = String(decoding: row.name, as: UTF8.self)
            guard let topic = self.model.topics[name], Int(row.offset) == topic.committed else {
                self.fail("\(name) is stored at \(row.offset)")
                continue
            }
        }
        for publish in self.publishes where !publish.isRolledBack {
            if publish.offset > self.model.topics[publish.topic]?.committed ?? 0 {
                self.fail("an accepted publish to \(publish.topic) is not stored")
            }
        }
    }
}
