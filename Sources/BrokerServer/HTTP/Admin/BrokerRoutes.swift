import BrokerCore
import BrokerTransport
import BrokerWire
// FoundationEssentials for JSON.
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore

/// What an administrator asks of a running broker: what there is, who is connected, and to take some of it away.
struct BrokerRoutes: Sendable {
    let questions: BrokerQuestions
    let logger: Logger

    struct Connection: Codable {
        var session: String
        var client: String?
        var address: String
        /// The proxy that says so.
        var proxy: String?
        var principal: String
        /// Milliseconds since 1970.
        var since: UInt64
        var producer: String?
        var subscriptions: Int
        var published: UInt64
        var outboxBytes: Int
        var unanswered: Int
    }

    /// What names a topic, topics or a connection.
    struct Target: Codable {
        var topic: String?
        var filter: String?
        var session: String?
    }

    private static let bodyBytesMax = 16 << 10

    func topics(_ request: Request) async -> Response {
        await self.questions.list(QueryString(request.uri.query), as: .administrator)
    }

    func connections() async -> Response {
        do {
            let connections = try await self.questions.loops.connections().map { connection in
                Connection(
                    session: connection.session.description,
                    client: connection.peer.client.isEmpty ? nil : connection.peer.client,
                    address: connection.peer.address,
                    proxy: connection.peer.proxy,
                    principal: connection.principal,
                    since: connection.since,
                    producer: connection.producer,
                    subscriptions: connection.subscriptions,
                    published: connection.published,
                    outboxBytes: connection.outboxBytes,
                    unanswered: connection.unanswered
                )
            }
            return .json(.ok, encoding: connections)
        } catch {
            return HTTPRefusal(Refusal(.restarting, "the broker stops")).response
        }
    }

    func reset(_ request: Request, as identity: Identity) async -> Response {
        guard let text = await self.target(request)?.topic else { return Self.unreadable(#"{"topic":"TOPIC"}"#) }
        let question: LocalQuestion
        switch self.questions.topic(Array(text.utf8)) {
        case .failure(let refusal): return refusal.response
        case .success(let topic): question = .request(.reset, topic: topic)
        }
        return await self.carryOut(question, as: identity)
    }

    func delete(_ request: Request, as identity: Identity) async -> Response {
        let wanted = #"{"topic":"TOPIC"} or {"filter":"FILTER"}"#
        guard let target = await self.target(request), (target.topic == nil) != (target.filter == nil) else {
            return Self.unreadable(wanted)
        }
        let text = target.topic ?? target.filter ?? ""
        if target.topic != nil, case .failure(let refusal) = self.questions.topic(Array(text.utf8)) {
            return refusal.response
        }
        let question: LocalQuestion
        switch self.questions.filter(Array(text.utf8)) {
        case .failure(let refusal): return refusal.response
        case .success(let filter): question = .command(.delete(filter))
        }
        return await self.carryOut(question, as: identity)
    }

    func kick(_ request: Request, as identity: Identity) async -> Response {
        guard let text = await self.target(request)?.session else { return Self.unreadable(#"{"session":"SESSION"}"#) }
        guard let session = SessionID(text), (try? await self.questions.loops.kick(session)) == true else {
            return .json(.notFound, encoding: BrowserGuard.Failure(reason: "there is no session '\(text)'"))
        }
        let metadata: Logger.Metadata = ["session": "\(text)", "principal": "\(identity.name)"]
        self.logger.notice("a connection was closed by the administrator", metadata: metadata)
        return .json(.ok, encoding: Target(session: text))
    }

    private func carryOut(_ question: LocalQuestion, as identity: Identity) async -> Response {
        switch await self.questions.ask(question, as: identity) {
        case .failure(let refusal): refusal.response
        case .success(let json): .json(.ok, json)
        }
    }

    private func target(_ request: Request) async -> Target? {
        guard let buffer = try? await request.body.collect(upTo: Self.bodyBytesMax) else { return nil }
        return try? JSONDecoder().decode(Target.self, from: Data(buffer.readableBytesView))
    }

    private static func unreadable(_ wanted: String) -> Response {
        .json(.badRequest, encoding: BrowserGuard.Failure(reason: "the body has to be \(wanted)"))
    }
}
