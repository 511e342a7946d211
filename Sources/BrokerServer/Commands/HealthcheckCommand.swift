import ArgumentParser
import NIOCore
import NIOPosix

/// `wsbroker healthcheck`, for images that have no curl.
struct HealthcheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "healthcheck",
        abstract: "Asks the running broker's admin listener whether it lives; exits with 0 or 1."
    )

    @OptionGroup var options: ConfigurationOptions

    /// A broker that takes longer than this to say that it lives does not.
    private static let timeout = TimeAmount.seconds(3)

    func run() async throws {
        try await reportingErrors {
            let admin = try self.options.load().admin
            let isHealthy = await Self.ask(admin)
            guard isHealthy else {
                BrokerOutput.errorLine("wsbroker: no healthy broker at http://\(admin.host):\(admin.port)/healthz")
                throw ExitCode(1)
            }
        }
    }

    private static func ask(_ admin: BrokerConfiguration.Listen) async -> Bool {
        do {
            let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(Self.timeout)
                .connect(host: admin.host, port: admin.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                    }
                }
            let deadline = channel.channel.eventLoop.scheduleTask(in: Self.timeout) {
                channel.channel.close(promise: nil)
            }
            defer { deadline.cancel() }
            return try await channel.executeThenClose { inbound, outbound in
                let request = "GET /healthz HTTP/1.1\r\nHost: \(admin.host)\r\nConnection: close\r\n\r\n"
                try await outbound.write(ByteBuffer(string: request))
                var answer = ""
                for try await part in inbound { answer += String(buffer: part) }
                return answer.hasPrefix("HTTP/1.1 200 ")
            }
        } catch {
            return false
        }
    }
}
