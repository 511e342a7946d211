import HTTPTypes
import Hummingbird

/// What the admin listener answers: whether the broker lives and whether it can do its work.
enum AdminRoutes {
    static func router(_ readiness: Readiness) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        // Answers as long as the process turns; says nothing that a stranger could use.
        router.get("/healthz") { _, _ in Self.answer(.ok, #"{"status":"ok"}"#) }
        router.get("/readyz") { _, _ in
            switch readiness.state {
            case .ready: Self.answer(.ok, #"{"status":"ready"}"#)
            case .notReady(let reason):
                Self.answer(.serviceUnavailable, #"{"status":"not_ready","reason":"\#(reason)"}"#)
            }
        }
        for path in ["/healthz", "/readyz"] {
            let other: [HTTPRequest.Method] = [.post, .put, .patch, .delete, .options, .trace]
            for method in other {
                router.on(RouterPath(path), method: method) { _, _ in
                    var response = Self.answer(.methodNotAllowed, #"{"reason":"only GET is served here"}"#)
                    response.headers[.allow] = "GET, HEAD"
                    return response
                }
            }
            router.head(RouterPath(path)) { _, _ in Response(status: .ok) }
        }
        return router
    }

    private static func answer(_ status: HTTPResponse.Status, _ json: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: json + "\n"))
        )
    }
}
