import BrokerWire

/// A request together with the bytes that its ranges lie in.
struct ScannedRequest {
    let request: Request
    /// The message as scanning left it, escaped fields unescaped.
    let bytes: [UInt8]

    /// Scans `message`; a refusal is thrown as the scanner threw it.
    static func scan(
        _ message: String,
        limits: WireLimits = WireLimits()
    ) throws(ScannedRefusal) -> ScannedRequest {
        try Self.scan(Array(message.utf8), limits: limits)
    }

    static func scan(
        _ message: [UInt8],
        limits: WireLimits = WireLimits()
    ) throws(ScannedRefusal) -> ScannedRequest {
        var bytes = message
        let result = bytes.withUnsafeMutableBytes { buffer -> Result<Request, RequestError> in
            do throws(RequestError) {
                return .success(try RequestScanner.scan(buffer, limits: limits))
            } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let request): return ScannedRequest(request: request, bytes: bytes)
        case .failure(let error): throw ScannedRefusal(error, in: message)
        }
    }

    /// The bytes of one of the request's ranges, as text.
    func text(_ range: KeyPath<Request, ByteRange>) -> String {
        String(decoding: self.raw(range), as: UTF8.self)
    }

    func raw(_ range: KeyPath<Request, ByteRange>) -> [UInt8] {
        self.bytes.withUnsafeBytes { Array(self.request[keyPath: range].bytes(in: $0)) }
    }
}

/// Why a message was refused, with the `id` as text.
struct ScannedRefusal: Error, Hashable {
    var code: ErrorCode
    var field: String
    var reason: String
    var id: String

    init(_ error: RequestError, in message: [UInt8]) {
        self.code = error.code
        self.field = error.field.description
        self.reason = error.reason
        self.id = String(decoding: message.withUnsafeBytes { Array(error.id.bytes(in: $0)) }, as: UTF8.self)
    }

    init(_ code: ErrorCode, _ field: String, _ reason: String, id: String = "") {
        self.code = code
        self.field = field
        self.reason = reason
        self.id = id
    }
}
