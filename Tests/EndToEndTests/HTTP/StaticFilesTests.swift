import BrokerTestKit
import Foundation
import Testing

/// The page and what belongs to it.
@Suite("Static files", .timeLimit(.minutes(5)))
struct StaticFilesTests {
    /// A folder as the page's: with a folder inside, and a secret beside it.
    private static func makeFolder() throws -> URL {
        let root = try TestBroker.makeFolder()
        let folder = root.appendingPathComponent("page")
        try FileManager.default.createDirectory(
            at: folder.appendingPathComponent("inner"),
            withIntermediateDirectories: true
        )
        for (name, text) in [
            ("page/index.html", "<p>page</p>"), ("page/wsbroker.js", "export {}"), ("page/wsbroker.d.ts", "export {}"),
            ("page/app.js", "1"), ("page/style.css", "p {}"), ("page/inner/file", "inner"), ("secret", "secret"),
            ("chart.js", "chart"),
        ] {
            try Data(text.utf8).write(to: root.appendingPathComponent(name))
        }
        return root
    }

    private static func settings(_ root: URL) -> [String] {
        ["dashboard.files=\(root.path)/page", "dashboard.chart=\(root.path)/chart.js"]
    }

    @Test func eachFileHasItsPathAndItsType() async throws {
        let root = try Self.makeFolder()
        defer { try? FileManager.default.removeItem(at: root) }
        try await TestBroker.run(settings: Self.settings(root)) { broker async throws in
            for (path, type, text) in [
                ("/", "text/html; charset=utf-8", "<p>page</p>"),
                ("/wsbroker.js", "text/javascript; charset=utf-8", "export {}"),
                ("/wsbroker.d.ts", "text/plain; charset=utf-8", "export {}"),
                ("/dashboard/app.js", "text/javascript; charset=utf-8", "1"),
                ("/dashboard/style.css", "text/css; charset=utf-8", "p {}"),
                ("/dashboard/chart.js", "text/javascript; charset=utf-8", "chart"),
            ] {
                let answer = try await HTTPExchange.send("GET \(path)", port: broker.port)
                #expect(answer.status == 200, "\(path)")
                #expect(answer.body == text)
                #expect(answer.headers["content-type"] == type)
                #expect(answer.headers["content-security-policy"]?.hasPrefix("default-src 'none'; ") == true)
                #expect(answer.headers["x-content-type-options"] == "nosniff")
                #expect(answer.headers["referrer-policy"] == "no-referrer")
                #expect(answer.headers["cache-control"] == "no-cache")
                let tag = answer.headers["etag"] ?? ""
                let again = try await HTTPExchange.send("GET \(path)", ["If-None-Match": tag], port: broker.port)
                #expect(again.status == 304)
                let head = try await HTTPExchange.send("HEAD \(path)", port: broker.port)
                #expect(head.headers["content-length"] == "\(text.utf8.count)")
                #expect(head.body.isEmpty)
            }
            for path in ["/dashboard/inner/file", "/dashboard/../secret", "/dashboard/%2e%2e/secret", "/secret"] {
                #expect(try await HTTPExchange.send("GET \(path)", port: broker.port).status == 404, "\(path)")
            }
        }
    }

    @Test func thePageCanBeSwitchedOff() async throws {
        let root = try Self.makeFolder()
        defer { try? FileManager.default.removeItem(at: root) }
        let settings = Self.settings(root) + ["dashboard.enabled=false"]
        try await TestBroker.run(settings: settings) { broker async throws in
            #expect(try await HTTPExchange.send("GET /", port: broker.port).body.hasPrefix("wsbroker/"))
            #expect(try await HTTPExchange.send("GET /dashboard/app.js", port: broker.port).status == 404)
            #expect(try await HTTPExchange.send("GET /wsbroker.js", port: broker.port).status == 200)
        }
    }
}
