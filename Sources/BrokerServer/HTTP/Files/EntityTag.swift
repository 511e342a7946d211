import HTTPTypes
import Hummingbird
import NIOCore

/// Names a state of what is at a path.
enum EntityTag {
    /// Whether a client that sends `If-None-Match` has this one already.
    static func matches(_ field: String?, _ tag: String) -> Bool {
        guard let field else { return false }
        let given = field.split(separator: ",").map { part -> Substring in
            let part = part.drop { $0 == " " }
            return part.hasPrefix("W/") ? part.dropFirst(2) : part
        }
        return given.contains { $0.prefix { $0 != " " } == tag || $0.prefix { $0 != " " } == "*" }
    }
}

extension Response {
    /// An answer with a body, of which a `HEAD` gets only the head.
    static func whole(
        _ status: HTTPResponse.Status,
        _ headers: HTTPFields,
        _ content: ByteBuffer,
        to request: Request
    ) -> Response {
        guard request.method == .head else {
            return Response(status: status, headers: headers, body: .init(byteBuffer: content))
        }
        return Response(status: status, headers: headers, body: .init(byteBuffer: content)).createHeadResponse()
    }
}
