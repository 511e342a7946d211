import BrokerTestKit
import BrokerWire
import Foundation
import Testing

/// Section 5.10: plain HTTP, as bytes on a socket, and the command line.
///
/// Left out: E2 and E6 in storage trouble (``FullDiskTests``), E7 (``TopicRoutesTests``), E11 (tokens). E12-E14 are
/// ``CommandLineTests``, E15 is the configuration's.
@Suite("Catalogue: HTTP", .timeLimit(.minutes(5)))
struct HTTPCatalogueTests {
    enum Port: Sendable {
        case clients
        case admin
    }

    struct Input: Sendable {
        var port: Port
        var request: String
    }

    struct Answer: Sendable {
        var status: Int
        var contains: String = ""
    }

    typealias Case = CatalogueCase<Input, Answer>

    private static func one(_ number: String, _ port: Port, _ line: String, _ status: Int, _ text: String = "") -> Case
    {
        let request = "\(line) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        return Case(number, Input(port: port, request: request), Answer(status: status, contains: text))
    }

    private static let cases: [Case] = [
        Self.one("E1", .admin, "GET /healthz", 200, #"{"status":"ok"}"#),
        Self.one("E1 head", .admin, "HEAD /healthz", 200),
        Self.one("E2 ready", .admin, "GET /readyz", 200, #"{"status":"ready"}"#),
        Self.one("E3 metrics", .clients, "GET /metrics", 404),
        Self.one("E3 health", .clients, "GET /healthz", 404),
        Self.one("E4 post", .admin, "POST /healthz", 405, "Allow: GET"),
        Self.one("E4 trace", .clients, "TRACE /", 405, "Allow: GET"),
        Self.one("E4 delete", .clients, "DELETE /", 405, "Allow: GET"),
        Self.one("the front", .clients, "GET /", 200, "wsbroker/"),
        Self.one("the front with a query", .clients, "GET /?a=b", 200),
        Self.one("the absolute form", .clients, "GET http://localhost/", 200),
        Self.one("unknown on the admin's", .admin, "GET /nothing", 404),
        Self.post("E5 type", "/topics/a", "1", type: "text/plain", 415, "bad_envelope"),
        Self.post("E5 form", "/topics/a", "1", type: "application/x-www-form-urlencoded", 415),
        Self.post("E5 type with parameters", "/topics/a", "1", type: "Application/JSON; charset=utf-8", 200),
        Self.post("E5 empty", "/topics/a", "", 400, "bad_json"),
        Self.post("E5 two values", "/topics/a", "1 2", 400, "bad_json"),
        Self.post("E5 a member more", "/topics/a", #"1,"retain":true"#, 400, "bad_json"),
        Self.post("E5 deep", "/topics/a", String(repeating: "[", count: 40), 400, "bad_json"),
        Self.post("E5 at the limit", "/topics/a", "\"" + String(repeating: "x", count: 65_534) + "\"", 200),
        Self.post("E5 past the limit", "/topics/a", "\"" + String(repeating: "x", count: 65_535) + "\"", 413),
        Self.post("E5 no number", "/topics/clicks", #""six""#, 400, "bad_value"),
        Self.post("E5 retain on an aggregate", "/topics/clicks?retain", "1", 400, "bad_envelope"),
        Self.post("E5 retain is something", "/topics/a?retain=1", "1", 400, "bad_envelope"),
        Self.one("twice", .clients, "GET /topics?limit=1&limit=2", 400, "'limit' stands twice"),
        Self.one("another mode", .clients, "GET /topics/a?mode=some", 400, "bad_envelope"),
        Self.one("no value", .clients, "GET /topics/nothing", 404, #""code":4404,"name":"no_value","reason""#),
        Self.one("an encoded slash", .clients, "GET /topics/a%2Fb", 400, "bad_topic"),
        Self.one("a broken escape", .clients, "GET /topics/a%2", 400, "bad_topic"),
        Self.one("an empty level", .clients, "GET /topics/a//b", 400, "bad_topic"),
        Self.one("no level", .clients, "GET /topics/", 400, "bad_topic"),
        Self.one("a wildcard", .clients, "GET /topics/a/+", 400, "bad_topic"),
        Self.one("a blank", .clients, "GET /topics/a%20b", 400, "bad_topic"),
        Self.one("no UTF-8", .clients, "GET /topics/%FF", 400, "bad_topic"),
        Self.one("the broker's own", .clients, "GET /topics/$sys/a", 403, "forbidden"),
        Self.one("too long", .clients, "GET /topics/" + String(repeating: "x", count: 256), 400, "bad_topic"),
        Self.one("a wrong filter", .clients, "GET /topics?filter=a%23", 400, "bad_filter"),
        Self.one("an empty filter", .clients, "GET /topics?filter=", 400, "bad_filter"),
        Self.one("no limit", .clients, "GET /topics?limit=0", 400, "bad_envelope"),
        Self.one("past the limit", .clients, "GET /topics?limit=1001", 400, "bad_envelope"),
        Self.one("at the limit", .clients, "GET /topics?limit=1000", 200, #"{"topics":["#),
        Self.one("another method", .clients, "PATCH /topics/a", 405, "Allow: GET, HEAD, POST, DELETE, OPTIONS"),
        Self.one("another method of lists", .clients, "POST /topics", 405, "Allow: GET, HEAD, OPTIONS"),
        Self.one("a path like ours", .clients, "GET /topicsx", 404),
        Self.one("the description", .clients, "GET /openapi.json", 200, #""openapi": "3.1.0""#),
        Self.one("out of the folder", .clients, "GET /dashboard/../openapi.json", 404),
        Self.one("no folder", .clients, "GET /dashboard/", 404),
        Self.one("another method of files", .clients, "POST /openapi.json", 405, "Allow: GET, HEAD"),
    ]

    private static func post(
        _ number: String,
        _ path: String,
        _ body: String,
        type: String = "application/json",
        _ status: Int,
        _ text: String = ""
    ) -> Case {
        let head = "POST \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: \(type)\r\n"
        let request = "\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
        return Case(number, Input(port: .clients, request: request), Answer(status: status, contains: text))
    }

    @Test func everyRequestHasOneAnswer() async throws {
        try await TestBroker.run { broker async throws in
            for one in Self.cases {
                let port = one.input.port == .clients ? broker.port : broker.adminPort
                try await WireClient.runRaw(port: port) { client async throws in
                    try await client.send(raw: Array(one.input.request.utf8))
                    let answer = await client.rest()
                    #expect(answer.hasPrefix("HTTP/1.1 \(one.expected.status) "), "\(one.number): \(answer)")
                    let text = one.expected.contains.lowercased()
                    #expect(text.isEmpty || answer.lowercased().contains(text), "\(one.number): \(answer)")
                }
            }
        }
    }

    /// E8: bodies that nobody has asked for do not hang anything.
    @Test(arguments: [
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Trailer: a\r\n\r\n",
        "Content-Length: 3\r\n\r\nabc",
    ])
    func aBodyThatNobodyAskedForIsPassedOver(rest: String) async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.port) { client async throws in
                let head = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                try await client.send(raw: Array((head + rest).utf8))
                #expect(await client.rest().hasPrefix("HTTP/1.1 200 "))
            }
        }
    }

    /// E9: a thousand requests in one piece are answered one after the other.
    @Test func pipelinedRequestsAreAnsweredInOrder() async throws {
        try await TestBroker.run { broker async throws in
            try await WireClient.runRaw(port: broker.adminPort) { client async throws in
                let paths = (0..<1000).map { $0 % 2 == 0 ? "/healthz" : "/nothing" }
                let requests = paths.map { "GET \($0) HTTP/1.1\r\nHost: a\r\n\r\n" }.joined()
                async let sent: Void = client.send(
                    raw: Array((requests + "GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").utf8)
                )
                let answers = await client.rest()
                try await sent
                let statuses = answers.components(separatedBy: "HTTP/1.1 ").dropFirst().map { $0.prefix(3) }
                #expect(statuses.map(String.init) == paths.map { $0 == "/healthz" ? "200" : "404" } + ["200"])
                #expect(answers.hasSuffix("{\"status\":\"ready\"}\n"))
            }
        }
    }
}
