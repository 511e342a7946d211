import BrokerCore
import BrokerTransport
import BrokerWire
// FoundationEssentials for JSON.
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// Topics over HTTP: read, publish, delete, list, wait, listen.
struct TopicRoutes: Sendable {
    let questions: BrokerQuestions
    let login: RequestLogin
    let origins: Origins
    private(set) var streams: StreamRoutes
    let wire: WireLimits
    let rates: PublisherRates
    /// Whom a request speaks for.
    private var identity = Identity.anonymous

    init(
        questions: BrokerQuestions,
        login: RequestLogin,
        origins: Origins,
        streams: StreamRoutes,
        wire: WireLimits,
        rates: PublisherRates
    ) {
        self.questions = questions
        self.login = login
        self.origins = origins
        self.streams = streams
        self.wire = wire
        self.rates = rates
    }

    private func speaking(for identity: Identity, _ client: ForwardedClient?) -> Self {
        var routes = self
        routes.identity = identity
        routes.streams.identity = identity
        routes.streams.client = client
        return routes
    }

    private static let listMethods = "GET, HEAD, OPTIONS"
    private static let topicMethods = "GET, HEAD, POST, DELETE, OPTIONS"

    func respond(to request: Request, _ context: ClientContext) async -> Response {
        let isList = request.uri.path == TopicPath.list
        if request.method == .options {
            return self.origins.preflight(request, methods: isList ? Self.listMethods : Self.topicMethods)
        }
        var response: Response
        if let refusal = self.origins.refusal(of: request) {
            response = refusal.response
        } else if let refusal = self.origins.hostRefusal(of: request, from: context.address) {
            response = refusal.response
        } else {
            do throws(HTTPRefusal) {
                response = try await self.answer(request, context, isList: isList)
            } catch {
                response = error.response
            }
        }
        self.origins.add(to: &response, request)
        return response
    }

    /// Answers somebody who is let in.
    private func answer(
        _ request: Request,
        _ context: ClientContext,
        isList: Bool
    ) async throws(HTTPRefusal) -> Response {
        let address = self.login.address(of: request, context)
        let client = try self.forwarded(address, context)
        let identity = try await self.login.identity(of: request, context).get()
        if request.method == .post, let refusal = self.rateRefusal(of: identity, from: address) { throw refusal }
        let routes = self.speaking(for: identity, client)
        let peer = context.peer(from: address)
        return isList ? await routes.list(request, peer) : await routes.topic(request, peer)
    }

    /// Counts who asks through a proxy; `nil` for everybody else, whose connection is counted.
    private func forwarded(_ address: String, _ context: ClientContext) throws(HTTPRefusal) -> ForwardedClient? {
        guard address != context.address else { return nil }
        do throws(ForwardedClient.TooMany) {
            return try ForwardedClient(address, in: self.questions.loops.gate)
        } catch {
            self.login.access.refusals.add(.address)
            var refusal = Refusal(.limitReached, error.reason)
            refusal.afterMilliseconds = ConnectionGate.retrySeconds * 1000
            throw HTTPRefusal(refusal, status: .tooManyRequests)
        }
    }

    /// Why a publish comes too soon, if it does.
    private func rateRefusal(of identity: Identity, from address: String) -> HTTPRefusal? {
        guard let milliseconds = self.rates.take(identity, from: address, at: .now()) else { return nil }
        let most = self.rates.publishesPerSecond
        var refusal = Refusal(.rateLimited, "at most \(most) publishes a second (limits.publishesPerSecond)")
        refusal.afterMilliseconds = milliseconds
        return HTTPRefusal(refusal)
    }

    // MARK: Many

    private func list(_ request: Request, _ peer: PeerDescription) async -> Response {
        let query = QueryString(request.uri.query)
        if let refusal = StreamRoutes.refusal(of: query) { return refusal.response }
        switch request.method {
        case .get where StreamRoutes.isWanted(by: request):
            switch self.questions.filter(query["filter"] ?? [UInt8(ascii: "#")]) {
            case .failure(let refusal): return refusal.response
            case .success(let filter): return await self.streams.listen(to: filter, request, peer)
            }
        case .get, .head:
            let response = await self.questions.list(query, as: self.identity)
            return request.method == .head ? response.createHeadResponse() : response
        default:
            return HTTPRefusal.wrongMethod(allowed: Self.listMethods).response
        }
    }

    // MARK: One

    private func topic(_ request: Request, _ peer: PeerDescription) async -> Response {
        guard [.get, .head, .post, .delete].contains(request.method) else {
            return HTTPRefusal.wrongMethod(allowed: Self.topicMethods).response
        }
        let topic: [UInt8]
        switch TopicPath.topic(of: request.uri.path).flatMap(self.questions.topic) {
        case .failure(let refusal): return refusal.response
        case .success(let found): topic = found
        }
        let query = QueryString(request.uri.query)
        if let refusal = StreamRoutes.refusal(of: query) { return refusal.response }
        switch request.method {
        case .post: return await self.publish(to: topic, query, request)
        case .delete: return await self.delete(topic)
        case .get where StreamRoutes.isWanted(by: request): return await self.streams.listen(to: topic, request, peer)
        case .get where query["after"] != nil:
            switch await self.streams.wait(for: topic, query, peer) {
            case .failure(let refusal): return refusal.response
            case .success(let hasPassed):
                return hasPassed ? await self.read(topic, request) : Response(status: .noContent)
            }
        default: return await self.read(topic, request)
        }
    }

    private func read(_ topic: [UInt8], _ request: Request) async -> Response {
        let json: ByteBuffer
        switch await self.questions.ask(.request(.get, topic: topic), as: self.identity) {
        case .failure(let refusal):
            return request.method == .head ? refusal.response.createHeadResponse() : refusal.response
        case .success(let answer): json = answer
        }
        var headers: HTTPFields = [.contentType: "application/json", .cacheControl: "no-cache"]
        if let position = FramePosition(json) {
            let tag = "\"\(position.text)\""
            headers[.eTag] = tag
            if EntityTag.matches(request.headers[.ifNoneMatch], tag) {
                return Response(status: .notModified, headers: headers)
            }
        }
        var content = json
        content.writeInteger(UInt8(ascii: "\n"))
        return .whole(.ok, headers, content, to: request)
    }

    private func delete(_ topic: [UInt8]) async -> Response {
        struct Answer: Decodable { var deleted: Int }
        let filter = topic.withUnsafeBytes { TopicFilter(unchecked: $0) }
        switch await self.questions.ask(.command(.delete(filter)), as: self.identity) {
        case .failure(let refusal): return refusal.response
        case .success(let json):
            let answer = try? JSONDecoder().decode(Answer.self, from: Data(json.readableBytesView))
            guard answer?.deleted != 0 else { return HTTPRefusal(Refusal(.noValue, "the topic has no value")).response }
            return .json(.ok, json)
        }
    }

    // MARK: Publishing

    private func publish(to topic: [UInt8], _ query: QueryString, _ request: Request) async -> Response {
        let once: [UInt8]
        switch Self.once(request) {
        case .failure(let refusal): return refusal.response
        case .success(let found): once = found
        }
        let data: [UInt8]
        switch await self.data(request) {
        case .failure(let refusal): return refusal.response
        case .success(let found): data = found
        }
        let retains: Bool
        switch query.text("retain") {
        case nil, "false": retains = false
        case "", "true": retains = true
        default: return HTTPRefusal(Refusal(.badEnvelope, "'retain' is true or false, or stands alone")).response
        }
        let question = LocalQuestion.request(.publish, topic: topic, data: data, once: once) { $0.retain = retains }
        switch await self.questions.ask(question, as: self.identity) {
        case .failure(let refusal): return refusal.response
        case .success(let json): return .json(.ok, json)
        }
    }

    /// What the publish is remembered by. Some send it in quotes, as the draft of the standard has it.
    private static func once(_ request: Request) -> Result<[UInt8], HTTPRefusal> {
        guard let name = HTTPField.Name("Idempotency-Key"), let field = request.headers[name] else {
            return .success([])
        }
        var once = Array(field.utf8)[...]
        if once.count >= 2, once.first == UInt8(ascii: "\""), once.last == UInt8(ascii: "\"") {
            once = once.dropFirst().dropLast()
        }
        guard (1...WireLimits.idBytesMax).contains(once.count),
            once.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") })
        else {
            let reason = "'Idempotency-Key' has 1 to \(WireLimits.idBytesMax) visible characters of ASCII"
            return .failure(HTTPRefusal(Refusal(.badEnvelope, reason)))
        }
        return .success(Array(once))
    }

    private func data(_ request: Request) async -> Result<[UInt8], HTTPRefusal> {
        let type = (request.headers[.contentType] ?? "").prefix { $0 != ";" && $0 != " " }.lowercased()
        guard type == "application/json" else {
            let refusal = Refusal(.badEnvelope, "Content-Type has to be application/json; a bare number is JSON")
            return .failure(HTTPRefusal(refusal, status: .unsupportedMediaType))
        }
        let most = self.wire.messageBytesMax
        let refusal = Refusal(.badEnvelope, "the body is larger than \(most) bytes (limits.messageBytes), or broken")
        var tooLarge = HTTPRefusal(refusal, status: .contentTooLarge)
        // Whether the body still comes only the client knows, and the next request must not be taken for it.
        tooLarge.headers[.connection] = "close"
        // Who says so is not waited for.
        if let length = request.headers[.contentLength], UInt64(length) ?? .max > UInt64(most) {
            return .failure(tooLarge)
        }
        guard let body = try? await request.body.collect(upTo: most) else { return .failure(tooLarge) }
        let bytes = Array(body.readableBytesView)
        guard String(validating: bytes, as: UTF8.self) != nil else {
            return .failure(HTTPRefusal(Refusal(.badJSON, "the body is not UTF-8")))
        }
        return bytes.withUnsafeBytes { bytes in
            var json = JSONSkipper(bytes, depthMax: self.wire.jsonDepthMax)
            do throws(JSONSkipper.Problem) {
                json.skipBlank()
                let start = json.index
                try json.skipValue()
                let end = json.index
                json.skipBlank()
                guard json.isAtEnd else { throw json.syntax() }
                return .success(Array(bytes[start..<end]))
            } catch {
                let reason =
                    switch error {
                    case .syntax(let index): "the body is not JSON at byte \(index)"
                    case .tooDeep(let limit): "the body is nested deeper than \(limit) levels"
                    }
                return .failure(HTTPRefusal(Refusal(.badJSON, reason)))
            }
        }
    }
}
