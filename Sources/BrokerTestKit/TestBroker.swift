import BrokerAggregation
import BrokerServer
package import Foundation
import Logging
import NIOCore

/// A broker in this process, on free ports and with a store of its own, for the length of a closure.
package struct TestBroker: Sendable {
    package let port: Int
    package let adminPort: Int
    /// Where its files are.
    package let folder: URL

    /// Runs a broker while `body` runs, then stops it and removes its files.
    ///
    /// - `settings`: Assignments of configuration keys, such as `limits.messageBytes=1KiB`.
    /// - `topics`: The `topics` section as JSON, or `nil` for the default rules.
    /// - `auth`: The `auth` section as JSON, in which `FOLDER` is the broker's own; instead of `rights`.
    /// - `files`: What is in that folder before the broker starts, by name.
    package static func run<Result: Sendable>(
        settings: [String] = [],
        topics: String? = nil,
        rights: String? = nil,
        origins: String? = nil,
        auth: String? = nil,
        proxies: [String] = [],
        files: [String: String] = [:],
        body: @escaping @Sendable (TestBroker) async throws -> Result
    ) async throws -> Result {
        let folder = try Self.makeFolder()
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, text) in files { try Data(text.utf8).write(to: folder.appendingPathComponent(name)) }
        let access = auth?.replacing("FOLDER", with: folder.path) ?? rights.map { "{\"anonymous\": \($0)}" }
        let tls = try await TestTLS.settings(beside: settings)
        let reread = try Self.configuration(folder, settings + tls, topics, access, origins, proxies)
        let configuration = try reread()
        var logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        let application = BrokerApplication(configuration: configuration, logger: logger, reread: reread)
        let (ports, continuation) = AsyncStream.makeStream(of: BrokerApplication.Running.self)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                defer { continuation.finish() }
                try await application.run(signals: [], reloadSignals: []) { continuation.yield($0) }
            }
            guard let running = await ports.first(where: { _ in true }) else {
                try await group.next()
                throw TestBrokerError.didNotStart
            }
            TestTLS.note(running.port, isServed: !tls.isEmpty)
            defer { TestTLS.note(running.port, isServed: false) }
            let outcome: Swift.Result<Result, any Error>
            do {
                outcome = .success(
                    try await body(TestBroker(port: running.port, adminPort: running.adminPort, folder: folder))
                )
            } catch {
                outcome = .failure(error)
            }
            group.cancelAll()
            // The broker's own end by cancellation is no failure of the test.
            try? await group.next()
            return try outcome.get()
        }
    }

    /// Settings of a broker that waits for its clients: a test shares two cores with fifteen others, some of which
    /// compute for seconds, and its own time limit is for what hangs.
    package static let patience = ["limits.handshakeTimeout=10m", "limits.pingInterval=10m"]

    /// A folder that nobody else uses, nor may: a broker would warn.
    package static func makeFolder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wsbroker-\(UUID().uuidString)")
        try FileManager.default.createDirectory(
            at: folder,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        return folder
    }

    private static func configuration(
        _ folder: URL,
        _ settings: [String],
        _ topics: String?,
        _ access: String?,
        _ origins: String?,
        _ proxies: [String]
    ) throws -> BrokerApplication.Reread {
        let file = folder.appendingPathComponent("config.json")
        var sections: [String] = []
        if let topics { sections.append("\"topics\": \(topics)") }
        if let access { sections.append("\"auth\": \(access)") }
        if let origins { sections.append("\"origins\": \(origins)") }
        if !proxies.isEmpty {
            let list = proxies.map { "\"\($0)\"" }.joined(separator: ",")
            sections.append("\"listen\": {\"proxies\": [\(list)]}")
        }
        try Data("{\(sections.joined(separator: ","))}".utf8).write(to: file)
        let store = folder.appendingPathComponent("store.db").path
        return { () throws(ConfigurationError) in
            try BrokerConfiguration.load(
                file: file.path,
                environment: [:],
                assignments: ["listen.port=0", "admin.port=0", "store.path=\(store)"] + Self.patience + settings,
                registry: .builtIn
            )
        }
    }
}

package enum TestBrokerError: Error {
    case didNotStart
}
