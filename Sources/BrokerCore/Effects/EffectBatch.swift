import NIOCore

/// What is told when a batch is committed, or at once for the batch of what needs no commit.
final class EffectBatch {
    /// Rises by one with every batch that is committed; 0 is the one that needs no commit.
    let number: UInt64
    /// One for each hub.
    var hubs: [HubBatch]
    /// The topics whose rows it writes.
    var stored: [TopicState] = []
    /// The producers whose rows it writes.
    var producers: [ProducerState] = []
    /// The publishes with `once` that it writes.
    var onces: [OnceTable.Entry] = []
    var forgottenProducers: [Int64] = []
    var forgottenOnces: [Int64] = []
    /// The topics whose rows it deletes, and the keys of these.
    var deleted: [TopicState] = []
    var forgottenTopics: [Int64] = []
    /// Topics that are not stored, but in which something counts that has to be taken back if it fails.
    var tied: [TopicState] = []
    /// The topics whose newest value it tells when it ends.
    var announced: [TopicState] = []

    init(number: UInt64, hubCount: Int) {
        self.number = number
        self.hubs = Array(repeating: HubBatch(), count: hubCount)
    }

    /// Whether there is anything to write.
    var isStored: Bool {
        !self.stored.isEmpty || !self.producers.isEmpty || !self.onces.isEmpty || !self.forgottenProducers.isEmpty
            || !self.forgottenOnces.isEmpty
    }

    var isEmpty: Bool { self.announced.isEmpty && self.hubs.allSatisfy(\.isEmpty) }
}
