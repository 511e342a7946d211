import BrokerWire
import NIOCore

@testable import BrokerClient

/// A broker of one topic, a sum, and one producer, as the protocol has it: small enough to be seen to be right.
///
/// What it answers waits for its commit, and what is not committed is gone after a crash.
struct ModelBroker {
    struct State: Equatable {
        var epoch: UInt64 = 0
        var settled: UInt64 = 0
        var accepted: Set<UInt64> = []
        var sum = 0
        /// How often each number was applied.
        var applied: [UInt64: Int] = [:]
    }

    private(set) var committed = State()
    private var working = State()
    /// What is said when everything so far is committed.
    private var replies: [String] = []
    private var awaited: UInt64?
    private var isGreeted = false
    /// Why the connection has to be closed.
    private(set) var violation: String?
    /// Numbers above this are refused, and may be accepted when judged again under another rule.
    var highest = Int.max

    /// The connection is gone; what was taken stays.
    mutating func disconnected() {
        self.replies = []
        self.awaited = nil
        self.isGreeted = false
    }

    /// The process is gone, and with it all that is not committed.
    mutating func crashed() {
        self.disconnected()
        self.working = self.committed
    }

    /// Commits what was taken, and says so.
    ///
    /// - `mayMerge`: Whether acknowledgements that a later one covers are left out.
    mutating func commit(mayMerge: Bool) -> [String] {
        self.committed = self.working
        var replies = self.replies
        self.replies = []
        if mayMerge {
            let last = replies.lastIndex { $0.hasPrefix(#"{"op":"ack""#) }
            replies = replies.enumerated().filter { $0.offset == last || !$0.element.hasPrefix(#"{"op":"ack""#) }
                .map { $0.element }
        }
        return replies
    }

    /// Takes one frame of the client.
    ///
    /// - `isBusy`: Whether it is refused for now.
    mutating func take(_ text: String, isBusy: Bool) {
        guard self.isGreeted else { return self.takeHello(text) }
        guard let seq = text.field("seq").flatMap({ UInt64($0) }) else {
            self.violation = "no number: \(text)"
            return
        }
        if let awaited = self.awaited {
            guard seq <= awaited else { return }
            if seq == awaited { self.awaited = nil }
        }
        guard seq <= self.working.settled + 1 else {
            self.violation = "a gap: \(seq) after \(self.working.settled)"
            return
        }
        guard seq + 1024 > self.working.settled else {
            self.violation = "\(seq) is too long ago after \(self.working.settled)"
            return
        }
        if self.working.accepted.contains(seq) {
            return self.replies.append(#"{"op":"ack","seq":\#(seq),"topic":"t","offset":1,"dups":1}"#)
        }
        if isBusy {
            self.awaited = seq
            return self.replies.append(
                #"{"op":"err","seq":\#(seq),"code":4203,"name":"storage_full","reason":"","retry":"later"}"#
            )
        }
        self.judge(text, seq)
    }

    private mutating func judge(_ text: String, _ seq: UInt64) {
        self.working.settled = max(self.working.settled, seq)
        guard text.field("topic") == #""t""#, let number = Int(text.field("data") ?? ""), number <= self.highest else {
            self.replies += [
                #"{"op":"err","seq":\#(seq),"code":4004,"name":"bad_value","reason":"","retry":"no"}"#,
                #"{"op":"ack","seq":\#(seq)}"#,
            ]
            return
        }
        self.working.accepted.insert(seq)
        self.working.sum += number
        self.working.applied[seq, default: 0] += 1
        self.replies.append(
            #"{"op":"ack","seq":\#(seq),"topic":"t","offset":1,"data":\#(self.working.sum),"dups":0}"#
        )
    }

    private mutating func takeHello(_ text: String) {
        let epoch = text.field("epoch").flatMap { UInt64($0) }
        if let epoch {
            guard epoch == self.working.epoch else {
                self.violation = "epoch \(epoch) for \(self.working.epoch)"
                return
            }
        } else if !text.contains(#""resume":true"#) || self.working.epoch == 0 {
            // A new run of numbers; the total stays.
            self.working.epoch += 1
            (self.working.settled, self.working.accepted, self.working.applied) = (0, [], [:])
        }
        let acked = text.field("acked").flatMap { UInt64($0) } ?? 0
        if acked > self.working.settled { self.violation = "\(acked) was acknowledged and is lost" }
        self.isGreeted = true
        let first = self.working.settled > 1024 ? self.working.settled - 1023 : 1
        let refused = (first..<max(first, self.working.settled + 1)).filter { !self.working.accepted.contains($0) }
        let list = refused.isEmpty ? "" : #","refused":[\#(refused.map { "\($0)" }.joined(separator: ","))]"#
        let position = #"{"name":"m","epoch":\#(self.working.epoch),"next":\#(self.working.settled + 1)\#(list)}"#
        self.replies.append(#"{"op":"welcome","v":1,"producer":\#(position)}"#)
    }
}
