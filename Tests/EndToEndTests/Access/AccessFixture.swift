import BrokerTestKit
import Foundation

/// A broker with three tokens, and who they are for.
enum AccessFixture {
    static let meter = "meter-secret"
    static let viewer = "viewer-secret"
    static let admin = "admin-secret"

    /// SHA-256 of the tokens, as `printf meter-secret | sha256sum` has them.
    private static let hashes = [
        "meter-1": "f8c3d3ea33405e685726c4fc07024842930770fbbc070e8b885634aa2909449e",
        "viewer": "f6aa3a0aabbb721b4aa7763a987a47688a702b1bcf4850cb4ba5bdab26f9cc4b",
        "ops": "16175223c8ddce5ace0493c948569c211b03c4c6bb3d3e484434999448cffe01",
    ]

    static func tokens(without name: String = "") -> String {
        let entries = Self.hashes.filter { $0.key != name }.sorted { $0.key < $1.key }.map { name, hash in
            #"{"name":"\#(name)","sha256":"\#(hash)"}"#
        }
        return #"{"tokens":[\#(entries.joined(separator: ","))]}"#
    }

    static let rules = #"""
        [{"allow":["publish"],"principal":"meter-*","topics":["power/{sub}"]},
         {"allow":["subscribe"],"principal":"viewer","topics":["power/#"]},
         {"allow":["publish","subscribe","admin"],"principal":"ops"}]
        """#

    static let topics = #"[{"topic":"power/+","aggregate":"sum"},{"topic":"clicks","aggregate":"sum"}]"#

    /// Runs a broker that lets in nobody without a token.
    ///
    /// - `more`: More members of the `auth` section.
    static func run(
        settings: [String] = [],
        rules: String? = Self.rules,
        more: String = "",
        body: @escaping @Sendable (TestBroker) async throws -> Void
    ) async throws {
        let rules = rules.map { #","rules":\#($0)"# } ?? ""
        try await TestBroker.run(
            settings: settings,
            topics: Self.topics,
            auth: #"{"tokens":"FOLDER/tokens.json"\#(rules)\#(more)}"#,
            files: ["tokens.json": Self.tokens()],
            body: body
        )
    }

    static func bearer(_ token: String) -> [String] { ["Authorization: Bearer \(token)"] }

    /// The status of a handshake's answer.
    static func refusal(
        _ broker: TestBroker,
        path: String = "/",
        subprotocol: String? = nil,
        _ headers: [String]
    ) async throws -> Int {
        do {
            return try await WireClient.run(
                port: broker.port,
                subprotocol: subprotocol,
                path: path,
                headers: headers
            ) { _ in 101 }
        } catch WireClient.ClientError.handshakeRefused(let text) {
            return Int(text.dropFirst("HTTP/1.1 ".count).prefix(3)) ?? 0
        }
    }
}

extension AccessFixture {
    /// Has the broker read its configuration again; returns the status of the answer.
    static func reload(_ broker: TestBroker) async throws -> Int {
        let headers = ["Content-Type": "application/json"]
        return try await HTTPExchange.send("POST /reload", headers, body: "{}", port: broker.adminPort).status
    }
}

extension TestBroker {
    /// Writes another configuration, which counts from the next reload on.
    func rewrite(_ change: (String) -> String) throws {
        let file = self.folder.appendingPathComponent("config.json")
        let text = try String(contentsOf: file, encoding: .utf8)
        let changed = change(text)
        guard changed != text else { throw Unchanged() }
        try Data(changed.utf8).write(to: file)
    }

    private struct Unchanged: Error {}
}
