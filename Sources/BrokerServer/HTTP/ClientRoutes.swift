import BrokerTransport
import HTTPTypes
import Hummingbird

/// What the port for clients answers to plain HTTP.
struct ClientRoutes: HTTPResponder {
    typealias Context = ClientContext

    let topics: TopicRoutes
    let files: StaticFiles

    func respond(to request: Request, context: Context) async throws -> Response {
        let path = request.uri.path
        if TopicPath.isOurs(path) { return await self.topics.respond(to: request, context) }
        if path != "/", let response = self.files.response(to: request, path: path) { return response }
        guard WebSocketUpgrade.paths.contains(path) else {
            return Self.refusal(WebSocketUpgrade.Refusal(status: 404, reason: "there is nothing at this path"))
        }
        let wantsWebSocket = request.headers[.upgrade] != nil || request.headers[.secWebSocketKey] != nil
        if path == "/", !wantsWebSocket { return self.files.response(to: request, path: path) ?? Self.front(request) }
        let judgement = WebSocketUpgrade.judge(method: request.method.rawValue, path: path, isHTTP11: true) { name in
            guard let field = HTTPField.Name(name) else { return [] }
            // The `Host` of HTTP/1.1 is the authority of the request here.
            if name == "Host" { return request.head.authority.map { [$0] } ?? [] }
            return request.headers[values: field]
        }
        switch judgement {
        case .refuse(let refusal): return Self.refusal(refusal)
        case .accept:
            // The upgrader has seen the first request of a connection, and only that one can be upgraded.
            let reason = "a WebSocket is opened by the first request of a connection"
            return Self.refusal(WebSocketUpgrade.Refusal(status: 400, reason: reason))
        }
    }

    /// Where there is no page to look at, a sentence.
    private static func front(_ request: Request) -> Response {
        guard request.method == .get || request.method == .head else {
            let allow = WebSocketUpgrade.Header(name: "Allow", value: "GET, HEAD")
            return Self.refusal(
                WebSocketUpgrade.Refusal(status: 405, reason: "only GET is served here", headers: [allow])
            )
        }
        let response = Self.text(
            .ok,
            "\(BrokerVersion.product): open a WebSocket here and send {\"op\":\"sub\",\"topic\":\"#\"}\n"
        )
        return request.method == .head ? response.createHeadResponse() : response
    }

    private static func refusal(_ refusal: WebSocketUpgrade.Refusal) -> Response {
        var response = Self.text(.init(code: refusal.status), refusal.reason + "\n")
        for header in refusal.headers {
            guard let name = HTTPField.Name(header.name) else { continue }
            response.headers[name] = header.value
        }
        return response
    }

    private static func text(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: "text/plain; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: text))
        )
    }
}
