/// Decides from what is left on the disk whether anything may be stored, and when the spare file goes and comes.
///
/// Publishes are refused *before* the disk is full, because then the log can still be written back and an operator can
/// still drop values. It leaves later than it enters, so that it does not go to and fro at the edge.
package struct SpacePolicy: Hashable, Sendable {
    package enum Action: Hashable, Sendable {
        case enterShortage(reason: String)
        case leaveShortage
        /// Give the spare file's room to the store.
        case releaseSpare
        /// Take the room for the spare file again.
        case makeSpare
    }

    package struct Observation: Hashable, Sendable {
        package var freeBytes: Int
        package var logBytes: Int
        /// Whether a commit found no room since the last observation.
        package var wasFull: Bool

        package init(freeBytes: Int, logBytes: Int, wasFull: Bool = false) {
            self.freeBytes = freeBytes
            self.logBytes = logBytes
            self.wasFull = wasFull
        }
    }

    private let reservedBytes: Int
    private let spareBytes: Int
    private var isShort = false
    private var hasSpare: Bool

    /// - `reservedBytes`: What has to be free; 0 to refuse nothing before the disk is full.
    /// - `spareBytes`: The size of the spare file; 0 for none.
    /// - `hasSpare`: Whether it is there.
    package init(reservedBytes: Int, spareBytes: Int, hasSpare: Bool) {
        self.reservedBytes = reservedBytes
        self.spareBytes = spareBytes
        self.hasSpare = hasSpare
    }

    /// Less than this is a shortage. The log may have to be written into the file as a whole while the next one grows.
    private func floor(logBytes: Int) -> Int {
        self.reservedBytes == 0 ? 0 : max(self.reservedBytes, 4 * logBytes)
    }

    /// What is so little that the log could not be written back.
    package static let nearlyNothing = 1 << 20

    package mutating func observe(_ observation: Observation) -> [Action] {
        let floor = self.floor(logBytes: observation.logBytes)
        let isFull = observation.wasFull || observation.freeBytes < Self.nearlyNothing
        guard self.reservedBytes > 0 else { return self.observeFullness(observation, isFull: isFull) }
        var actions: [Action] = []
        if !self.isShort, isFull || observation.freeBytes < floor {
            self.isShort = true
            let free = Self.text(observation.freeBytes)
            let needed = Self.text(floor)
            actions.append(.enterShortage(reason: "the disk has \(free) left, and \(needed) have to be free"))
        } else if self.isShort, !isFull, observation.freeBytes >= 2 * floor {
            self.isShort = false
            actions.append(.leaveShortage)
        }
        // Only while nothing is stored, or publishes would eat up what is for the operator.
        if self.isShort, self.hasSpare, isFull {
            self.hasSpare = false
            actions.append(.releaseSpare)
        } else if !self.isShort, !self.hasSpare, observation.freeBytes >= 2 * floor + self.spareBytes {
            actions += self.remakeSpare()
        }
        return actions
    }

    /// Without a reserve nothing is refused before the disk is full, and every commit tries for itself. The spare file
    /// goes at the first that finds no room, and comes back with room for it and as much again.
    private mutating func observeFullness(_ observation: Observation, isFull: Bool) -> [Action] {
        if isFull, self.hasSpare {
            self.hasSpare = false
            return [.releaseSpare]
        }
        guard !isFull, !self.hasSpare, observation.freeBytes >= 2 * self.spareBytes else { return [] }
        return self.remakeSpare()
    }

    private mutating func remakeSpare() -> [Action] {
        guard self.spareBytes > 0 else { return [] }
        self.hasSpare = true
        return [.makeSpare]
    }

    /// The spare file could not be made after all.
    package mutating func spareFailed() { self.hasSpare = false }

    private static func text(_ bytes: Int) -> String {
        bytes >= 1 << 20 ? "\(bytes >> 20) MiB" : "\(bytes >> 10) KiB"
    }
}
