import BrokerTransport
// FoundationEssentials for JSON.
import FoundationEssentials
import NIOCore
import NIOPosix

/// Asks a running broker's admin listener.
struct AdminClient {
    struct Answer: Hashable, Sendable {
        var status: Int
        var body: String
    }

    private let address: BrokerConfiguration.Listen
    private let usesTLS: Bool
    private let certificate: String
    /// Shown to a listener that asks who it is; needed where that is not on loopback.
    private let token: String?

    /// Asks the broker that runs with this configuration.
    init(_ configuration: BrokerConfiguration, token: String? = ProcessEnvironment.variables["WSBROKER_TOKEN"]) {
        self.address = configuration.admin
        self.usesTLS = configuration.adminUsesTLS
        self.certificate = configuration.listenTLS.certificate
        self.token = token
    }

    /// Where it asks, for people.
    var url: String { "\(self.usesTLS ? "https" : "http")://\(self.address.host):\(self.address.port)" }

    /// A broker that takes longer than this to answer at all is not there.
    private static let connectTimeout = TimeAmount.seconds(3)

    /// One request on a connection of its own; `nil` if nobody answers in HTTP.
    ///
    /// - `timeout`: How long the answer may take; `nil` for as long as the connection lives.
    func ask(_ method: String, _ path: String, json: String? = nil, timeout: TimeAmount?) async -> Answer? {
        do {
            let usesTLS = self.usesTLS
            // A token is shown to the broker of this configuration and to nobody else.
            let expected = self.token == nil ? nil : self.certificate
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(Self.connectTimeout)
                .connect(host: self.address.host, port: self.address.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if usesTLS { try AdminTLS.secure(channel, expecting: expected) }
                        return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            let deadline = timeout.map { timeout in
                channel.channel.eventLoop.scheduleTask(in: timeout) { channel.channel.close(promise: nil) }
            }
            defer { deadline?.cancel() }
            let request = self.request(method, path, json)
            return try await channel.executeThenClose { inbound, outbound in
                try await outbound.write(ByteBuffer(string: request))
                // All of it before it is read as text: a part may end inside a character.
                var answer = ByteBuffer()
                for try await var part in inbound { answer.writeBuffer(&part) }
                return Self.parse(String(buffer: answer))
            }
        } catch {
            return nil
        }
    }

    /// Why a request was not answered with what was asked for.
    ///
    /// A broker tells programs what to send; who runs a command has a variable for it.
    func reason(of answer: Answer) -> String? {
        let reason = (try? JSONDecoder().decode(BrowserGuard.Failure.self, from: Data(answer.body.utf8)))?.reason
        guard answer.status == 401 else { return reason }
        guard let token = self.token else { return "\(self.url) asks who you are: set WSBROKER_TOKEN to your token" }
        guard Self.canBeSent(token) else { return "WSBROKER_TOKEN has a blank, a line break or what else no token has" }
        return "the token in WSBROKER_TOKEN is not taken" + (reason.map { ": \($0)" } ?? "")
    }

    private func request(_ method: String, _ path: String, _ json: String?) -> String {
        var request = "\(method) \(path) HTTP/1.1\r\nHost: \(self.address.host)\r\nConnection: close\r\n"
        if let token, Self.canBeSent(token) {
            request += "Authorization: Bearer \(token)\r\n"
        }
        if let json { request += "Content-Type: application/json\r\nContent-Length: \(json.utf8.count)\r\n" }
        return request + "\r\n" + (json ?? "")
    }

    /// One that holds anything else would be read as other header fields.
    private static func canBeSent(_ token: String) -> Bool { token.utf8.allSatisfy { (0x21...0x7E).contains($0) } }

    private static func parse(_ answer: String) -> Answer? {
        let parts = answer.split(separator: " ", maxSplits: 2)
        guard answer.hasPrefix("HTTP/1.1 "), parts.count == 3, let status = Int(parts[1]) else { return nil }
        // Characters: CRLF is one of them.
        let lines = answer.split(separator: "\r\n", omittingEmptySubsequences: false)
        let body = lines.drop { !$0.isEmpty }.dropFirst().joined(separator: "\r\n")
        return Answer(status: status, body: body)
    }
}
