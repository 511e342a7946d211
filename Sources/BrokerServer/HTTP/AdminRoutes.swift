import HTTPTypes
import Hummingbird

/// What the admin listener answers: whether the broker lives and whether it can do its work, and a backup.
enum AdminRoutes {
    static func router(_ readiness: Readiness, _ backup: BackupRoute) -> Router<BasicRequestContext> {
        let router = Router(context: BasicRequestContext.self)
        // Answers as long as the process turns; says nothing that a stranger could use.
        router.get("/healthz") { _, _ in Self.answer(.ok, #"{"status":"ok"}"#) }
        router.get("/readyz") { _, _ in
            switch readiness.state {
            case .ready:
                Self.answer(.ok, readiness.isShort ? #"{"status":"ready","storage":"full"}"# : #"{"status":"ready"}"#)
            case .notReady(let reason):
                Self.answer(.serviceUnavailable, #"{"status":"not_ready","reason":"\#(reason)"}"#)
            }
        }
        for path in ["/healthz", "/readyz"] {
            Self.refuse([.post, .put, .patch, .delete, .options, .trace], path, allowed: "GET, HEAD", in: router)
            router.head(RouterPath(path)) { _, _ in Response(status: .ok) }
        }
        router.post("/backup") { request, _ in await backup.respond(to: request) }
        Self.refuse([.get, .head, .put, .patch, .delete, .options, .trace], "/backup", allowed: "POST", in: router)
        return router
    }

    private static func refuse(
        _ methods: [HTTPRequest.Method],
        _ path: String,
        allowed: String,
        in router: Router<BasicRequestContext>
    ) {
        for method in methods {
            router.on(RouterPath(path), method: method) { _, _ in
                var response = Self.answer(.methodNotAllowed, #"{"reason":"only \#(allowed) is served here"}"#)
                response.headers[.allow] = allowed
                return response
            }
        }
    }

    private static func answer(_ status: HTTPResponse.Status, _ json: String) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: json + "\n"))
        )
    }
}
