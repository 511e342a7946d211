import BrokerStore
import BrokerTransport
import Logging
import ServiceLifecycle

/// Looks after what is around the store: whether its disk has room, and whether its files are still there.
struct StoreWatch: Service {
    let store: SQLiteStore
    let loops: EventLoops
    let failure: StorageFailure
    let readiness: Readiness
    let reservedBytes: Int
    let spareBytes: Int
    let logger: Logger

    /// A disk that fills at 60 MiB a second is noticed within the default reserve.
    static let interval = Duration.seconds(1)
    /// Each commit looks as well; this is for the time when there are none.
    static let roundsPerFileCheck = 5

    func run() async throws {
        // This service is the first that is stopped, so no listener waits for a backup.
        defer { self.store.endBackups() }
        await cancelWhenGracefulShutdown { await self.watch() }
    }

    private func watch() async {
        let spare = SpareFile(store: self.store.path, bytes: self.spareBytes)
        if self.spareBytes == 0 { spare.remove() }
        var policy = SpacePolicy(
            reservedBytes: self.reservedBytes,
            spareBytes: self.spareBytes,
            hasSpare: self.spareBytes > 0 && spare.exists
        )
        self.observe(&policy, spare)
        if self.spareBytes > 0, !spare.exists { self.warnOfMissingSpare(spare) }
        var round = 0
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.interval)
            self.observe(&policy, spare)
            round += 1
            if round % Self.roundsPerFileCheck == 0 { self.checkFiles() }
        }
    }

    private func checkFiles() {
        guard self.store.failure == nil, let problem = self.store.files.problem else { return }
        self.store.fail(problem)
        self.failure.report(problem)
    }

    private func observe(_ policy: inout SpacePolicy, _ spare: SpareFile) {
        guard let volume = StoreVolume(folder: self.store.files.folder) else { return }
        let observation = SpacePolicy.Observation(
            freeBytes: volume.freeBytes,
            logBytes: self.store.files.logBytes,
            wasFull: self.store.takeFullness()
        )
        for action in policy.observe(observation) { self.carryOut(action, &policy, spare) }
    }

    private func carryOut(_ action: SpacePolicy.Action, _ policy: inout SpacePolicy, _ spare: SpareFile) {
        switch action {
        case .enterShortage(let reason):
            self.logger.error(
                "publishes that would be stored are refused until there is room",
                metadata: ["reason": "\(reason)", "path": "\(self.store.path)"]
            )
            self.loops.setStorageShortage(reason)
            self.readiness.setShortage(true)
        case .leaveShortage:
            self.logger.notice("there is room again; publishes are stored")
            self.loops.setStorageShortage(nil)
            self.readiness.setShortage(false)
        case .releaseSpare:
            spare.remove()
            self.logger.warning("the spare file was given up for room", metadata: ["path": "\(spare.path)"])
        case .makeSpare:
            if let reason = spare.make() {
                policy.spareFailed()
                self.logger.debug("the spare file can not be made", metadata: ["reason": "\(reason)"])
            }
        }
    }

    private func warnOfMissingSpare(_ spare: SpareFile) {
        self.logger.warning(
            "there is no room for the spare file; it is made as soon as there is",
            metadata: ["path": "\(spare.path)", "bytes": "\(spare.bytes)"]
        )
    }
}
