import BrokerWire
// FoundationEssentials for JSON.
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

/// A refusal as HTTP has it: the same code, name and reason, under a status.
struct HTTPRefusal: Error, Sendable {
    let status: HTTPResponse.Status
    let json: ByteBuffer
    let retryAfterSeconds: Int?
    var headers: HTTPFields = [:]

    private struct Content: Codable {
        var code: UInt16
        var name: String
        var reason: String
        var afterMs: Int?
    }

    /// - `json`: What the broker has answered.
    init(json: ByteBuffer) {
        let content = try? JSONDecoder().decode(Content.self, from: Data(json.readableBytesView))
        let code = content.flatMap { ErrorCode(rawValue: $0.code) } ?? .internal
        self.status = Self.status(of: code)
        self.json = json
        self.retryAfterSeconds = Self.retryAfter(self.status, milliseconds: content?.afterMs)
    }

    /// - `status`: Where HTTP has a better word than the code's.
    init(_ refusal: Refusal, status: HTTPResponse.Status? = nil) {
        self.status = status ?? Self.status(of: refusal.code)
        let content = Content(
            code: refusal.code.rawValue,
            name: "\(refusal.code.name)",
            reason: refusal.reason,
            afterMs: refusal.afterMilliseconds
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        self.json = ByteBuffer(bytes: (try? encoder.encode(content)) ?? Data())
        self.retryAfterSeconds = Self.retryAfter(self.status, milliseconds: refusal.afterMilliseconds)
    }

    /// The answer to a method that is not served at a path.
    static func wrongMethod(allowed: String) -> HTTPRefusal {
        var refusal = HTTPRefusal(Refusal(.badEnvelope, "only \(allowed) are served here"), status: .methodNotAllowed)
        refusal.headers[.allow] = allowed
        return refusal
    }

    var response: Response {
        var response = Response.json(self.status, self.json)
        if let seconds = self.retryAfterSeconds { response.headers[.retryAfter] = "\(seconds)" }
        if self.status == .unauthorized { response.headers[.wwwAuthenticate] = "Bearer" }
        for field in self.headers { response.headers[field.name] = field.value }
        return response
    }

    private static func retryAfter(_ status: HTTPResponse.Status, milliseconds: Int?) -> Int? {
        guard status == .serviceUnavailable || status == .tooManyRequests else { return nil }
        return max(1, ((milliseconds ?? Refusal.retryMilliseconds) + 999) / 1000)
    }

    private static func status(of code: ErrorCode) -> HTTPResponse.Status {
        switch code {
        case .badJSON, .badEnvelope, .badTopic, .badFilter, .badValue, .unsupportedVersion, .noProducer: .badRequest
        case .seqExpired, .seqGap, .onceConflict, .fenced, .replaced: .conflict
        case .positionUnrecoverable, .producerUnknown: .conflict
        case .unauthenticated, .tokenExpired, .tokenInvalid: .unauthorized
        case .forbidden: .forbidden
        case .noValue: .notFound
        case .rateLimited: .tooManyRequests
        case .internal, .overloaded, .storageFull, .storageUnknown, .limitReached: .serviceUnavailable
        case .restarting, .slowConsumer, .idle, .tooManyErrors: .serviceUnavailable
        }
    }
}
