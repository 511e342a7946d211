import BrokerWire

/// What a hub knows of a topic that somebody there subscribes to.
final class HubTopic {
    let name: [UInt8]
    /// The newest frame, while its batch is at hand.
    private(set) var newest = OutputSegment(batch: 0, isAck: false, start: 0, end: 0)
    var isCurrent = false
    /// A copy of the newest frame for those who could not be sent it in time.
    private(set) var kept: [UInt8] = []
    /// The filters that match, as of ``matchGeneration``.
    var matches: [Int] = []
    var matchGeneration: UInt64 = .max

    /// Whether those who can wait are told of a change at the end of the pause, and who made it, or nobody if several.
    var isPostponed = false
    var postponedPublisher: SessionID = .none

    private var keepsNewest = false

    init(name: [UInt8]) { self.name = name }

    /// Notes that the newest frame is at `place` in a batch of this tick.
    func tell(_ place: OutputSegment) {
        self.newest = place
        self.keepsNewest = false
    }

    /// Copies the newest frame, once however many wait for it.
    func keep(_ frame: UnsafeRawBufferPointer) {
        guard !self.keepsNewest else { return }
        self.kept = Array(frame)
        self.keepsNewest = true
    }
}
