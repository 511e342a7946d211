import BrokerCore
import BrokerWire
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What the admin listener answers: whether the broker lives and can do its work, what there is in it, and commands.
struct AdminRoutes {
    let readiness: Readiness
    let backup: BackupRoute
    let broker: BrokerRoutes
    let reload: ReloadRoute
    let guardian: AdminGuard
    let figures: FiguresSource
    let logger: Logger

    var router: Router<ClientContext> {
        let router = Router(context: ClientContext.self)
        self.addHealth(to: router)
        self.get("/topics", router) { await self.broker.topics($0) }
        // A scraper need not have the right to delete everything.
        self.get("/metrics", router, topics: try? TopicFilter("$sys/#")) { _ in await self.metrics() }
        self.get("/connections", router) { _ in await self.broker.connections() }
        self.post("/backup", router) { request, _ in await self.backup.respond(to: request) }
        self.post("/reload", router) { _, _ in await self.reload.respond() }
        self.post("/reset", router) { await self.broker.reset($0, as: $1) }
        self.post("/delete", router) { await self.broker.delete($0, as: $1) }
        self.post("/kick", router) { await self.broker.kick($0, as: $1) }
        return router
    }

    private func metrics() async -> Response {
        guard let figures = try? await self.figures.figures() else {
            return Response.json(.serviceUnavailable, #"{"reason":"the broker stops"}"#)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
            body: .init(byteBuffer: ByteBuffer(string: figures.metrics))
        )
    }

    private func addHealth(to router: Router<ClientContext>) {
        // Answers as long as the process turns; says nothing that a stranger could use.
        router.get("/healthz") { _, _ in Response.json(.ok, #"{"status":"ok"}"#) }
        router.get("/readyz") { [readiness] _, _ in
            switch readiness.state {
            case .ready:
                Response.json(
                    .ok,
                    readiness.isShort ? #"{"status":"ready","storage":"full"}"# : #"{"status":"ready"}"#
                )
            case .notReady(let reason):
                Response.json(.serviceUnavailable, #"{"status":"not_ready","reason":"\#(reason)"}"#)
            }
        }
        for path in ["/healthz", "/readyz"] {
            Self.refuse([.post, .put, .patch, .delete, .options, .trace], path, allowed: "GET, HEAD", in: router)
            router.head(RouterPath(path)) { _, _ in Response(status: .ok) }
        }
    }

    private func get(
        _ path: String,
        _ router: Router<ClientContext>,
        topics: TopicFilter? = nil,
        _ answer: @escaping @Sendable (Request) async -> Response
    ) {
        router.get(RouterPath(path)) { request, context in
            switch await self.guardian.identity(of: request, context, isCommand: false, topics: topics) {
            case .failure(let refusal): self.note(refusal, path)
            case .success: await answer(request)
            }
        }
        Self.refuse([.post, .put, .patch, .delete, .options, .trace, .head], path, allowed: "GET", in: router)
    }

    private func post(
        _ path: String,
        _ router: Router<ClientContext>,
        _ answer: @escaping @Sendable (Request, Identity) async -> Response
    ) {
        router.post(RouterPath(path)) { request, context in
            switch await self.guardian.identity(of: request, context, isCommand: true) {
            case .failure(let refusal):
                return self.note(refusal, path)
            case .success(let identity):
                self.logger.notice(
                    "a command to the broker",
                    metadata: ["command": "\(path)", "principal": "\(identity.name)"]
                )
                return await answer(request, identity)
            }
        }
        Self.refuse([.get, .head, .put, .patch, .delete, .options, .trace], path, allowed: "POST", in: router)
    }

    /// Writes down who may not do what it asks for; what wrong credentials ask for is written where they are counted.
    private func note(_ refusal: AdminRefusal, _ path: String) -> Response {
        if let principal = refusal.principal {
            let metadata: Logger.Metadata = ["command": "\(path)", "principal": "\(principal)"]
            self.logger.notice("a command to the broker was refused", metadata: metadata)
        }
        return refusal.response
    }

    private static func refuse(
        _ methods: [HTTPRequest.Method],
        _ path: String,
        allowed: String,
        in router: Router<ClientContext>
    ) {
        for method in methods {
            router.on(RouterPath(path), method: method) { _, _ in
                var response = Response.json(.methodNotAllowed, #"{"reason":"only \#(allowed) is served here"}"#)
                response.headers[.allow] = allowed
                return response
            }
        }
    }
}
