package import ArgumentParser
import BrokerClient

/// Where the broker is, as all tools take it.
package struct ConnectionOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The broker's host. (default: 127.0.0.1)")
    package var host: String?

    @Option(name: .shortAndLong, help: "The broker's port. (default: 8181)")
    package var port: Int?

    @Option(help: ArgumentHelp("Host, port and topic in one; instead of -h and -p.", valueName: "ws://host:port/topic"))
    package var url: String?

    package init() {}

    package mutating func validate() throws {
        if self.url != nil, self.host != nil || self.port != nil {
            throw ValidationError("--url stands instead of -h and -p: use one or the other.")
        }
        if let port = self.port, !(1...65_535).contains(port) {
            throw ValidationError("The port is a number from 1 to 65535.")
        }
        if self.host == "" { throw ValidationError("The host is empty.") }
        _ = try self.target()
    }

    /// The broker, and the topic that stands in the URL.
    func target() throws -> (address: BrokerAddress, topic: String?) {
        guard let url = self.url else {
            return (BrokerAddress(host: self.host ?? "127.0.0.1", port: self.port ?? BrokerAddress.defaultPort), nil)
        }
        do throws(ClientError) {
            var address = try BrokerAddress(url)
            // What stands behind the host is the topic, as it is, and may hold '+', '#' and '?'.
            let topic = String(address.path.dropFirst())
            address.path = "/"
            return (address, topic.isEmpty ? nil : topic)
        } catch {
            throw ValidationError(error.message)
        }
    }
}
