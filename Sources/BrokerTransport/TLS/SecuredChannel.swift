package import HummingbirdCore
package import Logging
package import NIOCore
import NIOSSL

/// A listener's own kind of channel with TLS in front of it, for the admin listener.
package struct SecuredChannel<Base: ServerChildChannel>: ServerChildChannel {
    package typealias Value = Base.Value

    private let base: Base
    private let tls: ServerTLS

    package init(_ base: Base, tls: ServerTLS) {
        self.base = base
        self.tls = tls
    }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        channel.eventLoop.makeCompletedFuture {
            try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: self.tls.now.administrators))
        }
        .flatMap { self.base.setup(channel: channel, logger: logger) }
    }

    package func handle(value: Value, logger: Logger) async {
        await self.base.handle(value: value, logger: logger)
    }
}
