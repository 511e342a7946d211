package import ArgumentParser
import BrokerClient

/// Where the broker is and how to speak to it, as all tools take it.
package struct ConnectionOptions: ParsableArguments {
    @Option(name: .shortAndLong, help: "The broker's host. (default: 127.0.0.1)")
    package var host: String?

    @Option(name: .shortAndLong, help: "The broker's port. (default: 8181)")
    package var port: Int?

    @Option(
        name: [.customShort("L"), .customLong("url")],
        help: ArgumentHelp(
            "Host, port and topic in one, and a user; instead of -h and -p. wss:// is with TLS.",
            valueName: "ws[s]://[user:password@]host:port/topic"
        )
    )
    package var url: String?

    @OptionGroup var credentials: CredentialOptions

    @OptionGroup var security: TransportSecurityOptions

    @Option(
        name: [.customShort("H"), .customLong("header")],
        parsing: .unconditionalSingleValue,
        help: ArgumentHelp("A field of the handshake's request; may be repeated.", valueName: "'Name: value'")
    )
    var headers: [String] = []

    @Option(
        name: [.customShort("k"), .customLong("keepalive")],
        help: ArgumentHelp(
            "After how long without a word to ask the broker whether it is there, 5 to 3600.",
            valueName: "seconds"
        )
    )
    var keepAlive: Int?

    @Flag(name: .shortAndLong, help: "Tell on standard error what the client does.")
    var debug = false

    package init() {}

    /// What `--help` says about them besides.
    static let help = """
        TLS is spoken with wss://, and with -h and -p as soon as one of its options stands there. Whoever can list the \
        processes of this machine sees a token or a password on a command line: --token-file and the environment hide \
        them.

        Environment: WSBROKER_URL stands for -L where neither -h, -p nor -L is given; -t wins over its topic. \
        WSBROKER_TOKEN stands for --token where nothing else says who you are.
        """

    package mutating func validate() throws {
        if self.url != nil, self.host != nil || self.port != nil {
            throw ValidationError("--url stands instead of -h and -p: use one or the other.")
        }
        if let port = self.port, !(1...65_535).contains(port) {
            throw ValidationError("The port is a number from 1 to 65535.")
        }
        if self.host == "" { throw ValidationError("The host is empty.") }
        if let seconds = self.keepAlive, !(5...3600).contains(seconds) {
            throw ValidationError("-k is a number of seconds from 5 to 3600.")
        }
        let fields = try self.fields()
        let target = try self.target()
        guard target.address.credentials == .none || !self.credentials.areGiven || target.isOfEnvironment else {
            throw ValidationError("The user stands in --url, and -u or a token beside it: use one or the other.")
        }
        try Self.checkTokenOfEnvironment()
        let isNamed = self.credentials.areGiven || target.address.credentials != .none || ToolEnvironment.token != nil
        guard !isNamed || !fields.contains(where: \.isAuthorization) else {
            throw ValidationError("-H Authorization stands beside a user or a token: use one or the other.")
        }
    }

    private static func checkTokenOfEnvironment() throws {
        do throws(ClientError) {
            if let token = ToolEnvironment.token { try ClientCredentials.token(token).check() }
        } catch {
            throw ValidationError("WSBROKER_TOKEN can not be sent: \(error.message).")
        }
    }

    /// The broker, and the topic that stands in the URL.
    func target() throws -> ConnectionTarget {
        if let url = self.url { return try self.target(url, named: "--url") }
        if self.host == nil, self.port == nil, let url = ToolEnvironment.url {
            var target = try self.target(url, named: "WSBROKER_URL")
            target.isOfEnvironment = true
            return target
        }
        let address = BrokerAddress(
            host: self.host ?? "127.0.0.1",
            port: self.port ?? BrokerAddress.defaultPort,
            // As in mosquitto's tools: nobody names an authority for a connection without TLS.
            isSecure: self.security.given != nil
        )
        return ConnectionTarget(address: address)
    }

    private func target(_ url: String, named name: String) throws -> ConnectionTarget {
        do throws(ClientError) {
            var address = try BrokerAddress(url)
            // What stands behind the host is the topic, as it is, and may hold '+', '#' and '?'.
            let topic = String(address.path.dropFirst())
            address.path = "/"
            if let option = self.security.given, !address.isSecure {
                throw ClientError(.invalidArgument, "\(option) is for TLS, and \(name) is ws://: use wss://.")
            }
            return ConnectionTarget(address: address, topic: topic.isEmpty ? nil : topic)
        } catch {
            throw ValidationError(error.message)
        }
    }

    /// All of it, with what stands in the files that are named; throws an `InputError` for those.
    func connection() throws -> ToolConnection {
        var configuration = ClientConfiguration(address: try self.target().address)
        let isOfURL = configuration.address.credentials != .none
        if let credentials = try self.credentials.credentials() {
            configuration.credentials = credentials
            configuration.freshCredentials = self.credentials.freshCredentials
        } else if let token = ToolEnvironment.token, !isOfURL {
            configuration.credentials = .token(token)
        }
        configuration.headers = try self.fields()
        configuration.tls = self.security.options
        configuration.keepAlive = self.keepAlive.map { .seconds($0) }
        return ToolConnection(configuration: configuration, isDebug: self.debug)
    }

    private func fields() throws -> [HeaderField] {
        try self.headers.map { text in
            guard let colon = text.firstIndex(of: ":") else {
                throw ValidationError("-H is of the form 'Name: value'.")
            }
            let value = text[text.index(after: colon)...].drop { $0 == " " }
            do throws(ClientError) {
                return try HeaderField(name: String(text[..<colon]), value: String(value))
            } catch {
                throw ValidationError("-H: \(error.message).")
            }
        }
    }
}
