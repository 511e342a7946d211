/// Names a session for as long as the broker runs: where it lives, and which of the sessions that lived there it is.
///
/// Answers may still be on their way when a connection ends and another takes its slot; the generation keeps them
/// from reaching the wrong client.
package struct SessionID: Hashable, Sendable {
    /// Which event loop's hub the session lives in.
    package var hub: UInt16
    package var generation: UInt16
    package var slot: UInt32

    package static let none = Self(hub: .max, generation: .max, slot: .max)

    package init(hub: UInt16, generation: UInt16, slot: UInt32) {
        self.hub = hub
        self.generation = generation
        self.slot = slot
    }

    /// Reads what ``description`` wrote.
    package init?(_ text: some StringProtocol) {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 3, let hub = UInt16(parts[0]), let slot = UInt32(parts[1]),
            let generation = UInt16(parts[2])
        else { return nil }
        self.init(hub: hub, generation: generation, slot: slot)
    }
}

extension SessionID: CustomStringConvertible {
    /// As `welcome` names it.
    package var description: String { "\(self.hub).\(self.slot).\(self.generation)" }
}
