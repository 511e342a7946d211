import NIOCore

/// What is told when a batch is committed, or at once for the batch of what needs no commit.
final class EffectBatch {
    /// Rises by one with every batch that is committed; 0 is the one that needs no commit.
    let number: UInt64
    /// One for each hub.
    var hubs: [HubBatch]
    /// The topics whose rows it writes.
    var stored: [TopicState] = []
    /// The topics whose newest value it tells when it ends.
    var announced: [TopicState] = []

    init(number: UInt64, hubCount: Int) {
        self.number = number
        self.hubs = Array(repeating: HubBatch(), count: hubCount)
    }

    var isEmpty: Bool { self.announced.isEmpty && self.hubs.allSatisfy(\.isEmpty) }
}
