import NIOCore
import NIOHTTP1

/// Tells who asks before it sends a body (`Expect: 100-continue`) to go on: it would wait for a second, each time.
///
/// Who is going to send too much is not told so, and has its answer to that at once. Neither is who has not waited for
/// the answer to its last request: the two would get mixed.
final class ExpectationHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: ConnectionGuard
    private let bodyBytesMax: Int

    /// - Parameters:
    ///   - connection: What knows whether an answer is on its way.
    ///   - bodyBytesMax: The most bytes that a body may have.
    init(connection: ConnectionGuard, bodyBytesMax: Int) {
        self.connection = connection
        self.bodyBytesMax = bodyBytesMax
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head(let head) = self.unwrapInboundIn(data), !self.connection.owesAnswer, self.mayGoOn(head) {
            let answer = HTTPResponseHead(version: .http1_1, status: .continue)
            context.writeAndFlush(self.wrapOutboundOut(.head(answer)), promise: nil)
        }
        context.fireChannelRead(data)
    }

    private func mayGoOn(_ head: HTTPRequestHead) -> Bool {
        let expectations = head.headers[canonicalForm: "Expect"]
        guard head.version == .http1_1, expectations.contains(where: { $0.lowercased() == "100-continue" }) else {
            return false
        }
        guard let length = head.headers.first(name: "Content-Length") else { return true }
        return UInt64(length).map { $0 <= UInt64(self.bodyBytesMax) } ?? false
    }
}
