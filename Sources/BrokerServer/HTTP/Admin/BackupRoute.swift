import BrokerStore
import Dispatch
// FoundationEssentials for JSON.
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// `POST /backup`: copies the store while it is used.
///
/// Whoever reaches the admin listener can make the broker write a new file where its user may, and nothing else:
/// nothing is overwritten, and the file is for the broker's user alone. A page in a browser can not: it can not send
/// this type of content without asking first, and says where it comes from (``BrowserGuard``).
struct BackupRoute: Sendable {
    struct Body: Codable {
        /// Where to; a relative path begins at the store's folder.
        var to: String
        /// Which store is meant, so that a command does not copy another broker's.
        var store: String?
    }

    struct Answer: Codable {
        var path: String
        var bytes: Int
        var rows: Int
        var milliseconds: Int
    }

    let store: SQLiteStore
    /// What has to be left on the copy's disk.
    let reservedBytes: Int
    let logger: Logger

    private static let bodyBytesMax = 16 << 10

    func respond(to request: Request) async -> Response {
        let body: Body
        do {
            let buffer = try await request.body.collect(upTo: Self.bodyBytesMax)
            body = try JSONDecoder().decode(Body.self, from: Data(buffer.readableBytesView))
        } catch {
            return Response.json(
                .badRequest,
                encoding: BrowserGuard.Failure(reason: #"the body has to be {"to":"PATH"}"#)
            )
        }
        guard !body.to.isEmpty, !body.to.utf8.contains(0) else {
            return Response.json(.badRequest, encoding: BrowserGuard.Failure(reason: "'to' is not a path"))
        }
        if let store = body.store, !self.store.files.isStore(store) {
            let reason = "this broker's store is \(self.store.path), not \(store)"
            return Response.json(.conflict, encoding: BrowserGuard.Failure(reason: reason))
        }
        return await self.backup(to: body.to)
    }

    private func backup(to path: String) async -> Response {
        let target = path.hasPrefix("/") ? path : "\(self.store.files.folder)/\(path)"
        let started = ContinuousClock.now
        do {
            let backup = try await Self.blocking { [store, reservedBytes] in
                Result { () throws(StoreError) in try store.backup(to: target, keepingFree: reservedBytes) }
            }.get()
            let milliseconds = (ContinuousClock.now - started) / .milliseconds(1)
            self.logger.notice(
                "a backup was made",
                metadata: ["path": "\(target)", "bytes": "\(backup.bytes)", "milliseconds": "\(Int(milliseconds))"]
            )
            self.store.noteBackup(at: ProcessResources.wallClock(), bytes: backup.bytes)
            return Response.json(
                .ok,
                encoding: Answer(path: target, bytes: backup.bytes, rows: backup.rows, milliseconds: Int(milliseconds))
            )
        } catch {
            self.logger.warning("a backup failed", metadata: ["error": "\(error)"])
            return Response.json(.conflict, encoding: BrowserGuard.Failure(reason: "\(error)"))
        }
    }

    /// Runs `body` on a thread of its own: the threads of Swift's pool are few and must not wait for a disk.
    private static func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "wsbroker.backup").async { continuation.resume(returning: body()) }
        }
    }
}
