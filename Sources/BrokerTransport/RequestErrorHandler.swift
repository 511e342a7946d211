import NIOCore
import NIOHTTP1

/// Answers a request that is not HTTP, or too large to be read, and ends the connection.
///
/// NIO's own handler says 400 to everything and leaves the connection open behind an upgrade.
final class RequestErrorHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private let connection: ConnectionGuard
    private let headerBytesMax: Int
    private var hasBegunAnswer = false

    init(connection: ConnectionGuard, headerBytesMax: Int) {
        self.connection = connection
        self.headerBytesMax = headerBytesMax
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        // An answer that has begun can not be taken back.
        guard !self.hasBegunAnswer else { return context.close(promise: nil) }
        let (status, reason) = self.answer(to: error)
        let body = context.channel.allocator.buffer(string: reason + "\n")
        let headers: HTTPHeaders = [
            "Content-Type": "text/plain; charset=utf-8", "Content-Length": "\(body.readableBytes)",
            "Connection": "close",
        ]
        let head = HTTPResponseHead(version: .http1_1, status: status, headers: headers)
        context.write(self.wrapOutboundOut(.head(head)), promise: nil)
        context.write(self.wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
        context.writeAndFlush(self.wrapOutboundOut(.end(nil)), promise: nil)
        context.close(mode: .output, promise: nil)
    }

    private func answer(to error: HTTPParserError) -> (HTTPResponseStatus, String) {
        guard error == .headerOverflow else { return (.badRequest, "this is not HTTP/1.1") }
        return self.connection.requestLineBytes > self.headerBytesMax
            ? (.uriTooLong, "the request line is too long (limits.headerBytes)")
            : (.requestHeaderFieldsTooLarge, "the header is too large (limits.headerBytes, limits.headerFields)")
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .end = self.unwrapInboundIn(data) { self.connection.requestEnded() }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        switch self.unwrapOutboundIn(data) {
        case .head(let head) where head.status == .continue: break
        case .head: self.hasBegunAnswer = true
        case .body: break
        case .end:
            self.hasBegunAnswer = false
            self.connection.answerEnded(context: context)
        }
        context.write(data, promise: promise)
    }
}
