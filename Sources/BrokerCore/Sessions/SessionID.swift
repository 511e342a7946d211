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
}
