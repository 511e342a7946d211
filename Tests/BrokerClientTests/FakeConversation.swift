import BrokerWire
import NIOCore

@testable import BrokerClient

/// Turns of a conversation that many tests have.
extension FakeConnection {
    /// Reads the next request and answers it with its own id and `fields`.
    @discardableResult
    func answer(with fields: String) async throws -> String {
        let request = try await self.receive()
        self.send(#"{"id":\#(request.id),\#(fields)}"#)
        return request
    }

    /// Subscribes `client` to `filter`, which has no value yet.
    func subscribe(
        _ client: BrokerClient,
        _ filter: String,
        options: SubscriptionOptions = SubscriptionOptions()
    ) async throws -> Subscription {
        async let subscription = client.subscribe(to: TopicFilter(filter), options: options)
        try await self.answer(with: #""op":"ack","topic":"\#(filter)","epoch":"k","offset":0"#)
        return try await subscription
    }

    func send(_ frame: ControlFrame) {
        var buffer = ByteBuffer()
        switch frame {
        case .ping(let text): Array(text.utf8).withUnsafeBytes { buffer.writeFrame(.ping, $0) }
        }
        self.send(buffer)
    }

    enum ControlFrame {
        case ping(String)
    }

    /// Sends a message of `topic`.
    func sendMessage(_ topic: String, offset: Int, _ data: String, _ more: String = "") {
        self.send(#"{"op":"msg","topic":"\#(topic)","offset":\#(offset),"ts":7,"data":\#(data)\#(more)}"#)
    }
}

extension BrokerClient {
    /// Shuts down while the other end answers the Close frame.
    func shutdownNow(_ connection: FakeConnection) async {
        async let closed: Void = self.shutdown()
        while let event = try? await connection.next(), event != .close(1000) {}
        connection.sendClose(.normal)
        await closed
    }
}

extension String {
    /// The `id` of a request, quotes included.
    var id: String {
        guard let start = self.firstRange(of: #""id":"#)?.upperBound else { return "null" }
        return String(self[start...].prefix { $0 != "," && $0 != "}" })
    }

    var bytes: [UInt8] { Array(self.utf8) }
}
