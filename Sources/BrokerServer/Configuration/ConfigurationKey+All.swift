import BrokerCore
import BrokerTransport
import BrokerWire
import NIOCore

extension ConfigurationKey {
    /// Every simple key, in the order of the documentation. `topics`, `auth.anonymous` and `origins` have forms of
    /// their own.
    static let all: [ConfigurationKey] =
        [
            .text("listen.host", \.listen.host, "The address that clients connect to."),
            .integer("listen.port", \.listen.port, 0...65_535, "Its port; 0 picks a free one."),
        ] + Self.security + [
            .text("admin.host", \.admin.host, "The address for administrators, metrics and health checks."),
            .integer("admin.port", \.admin.port, 0...65_535, "Its port; 0 picks a free one."),
            .text("store.path", \.storePath, "The SQLite file. Its folder is made if it is not there."),
            .size(
                "store.reservedBytes",
                \.storeReservedBytes,
                0...(1 << 40),
                """
                What has to be free on the store's disk, or four times the store's log if that is more: with less, \
                publishes that would be stored are refused until there is twice as much; "0B" to store until it is full.
                """
            ),
            .size(
                "store.spareBytes",
                \.storeSpareBytes,
                0...(1 << 30),
                "The size of a file beside the store that is deleted when the disk is full, for room to make room; "
                    + "\"0B\" for none."
            ),
            .text("plain.topic", \.plainTopic, "The topic of clients that send bare numbers."),
            .integer(
                "once.windowSeconds",
                \.transport.limits.onceSeconds,
                1...86_400,
                "How long a publish with `once` counts only once, in seconds."
            ),
            .choice(
                "log.level",
                \.logLevel,
                ["trace", "debug", "info", "notice", "warning", "error", "critical"],
                "The least important line that is logged."
            ),
            .choice(
                "log.format",
                \.logFormatText,
                BrokerConfiguration.LogFormat.allCases.map(\.rawValue),
                "Lines for people or a JSON object a line."
            ),
            .integer(
                "eventLoops",
                \.eventLoops,
                0...64,
                "Threads that serve connections; 0 for one for each core that the process may use."
            ),
            .flag(
                "process.coreDumps",
                \.mayDumpCore,
                "Whether a crash may leave a core file, and a debugger attach; messages and tokens are in its memory."
            ),
            .flag("dashboard.enabled", \.dashboard.isEnabled, "Whether the page is served at `/`."),
            .optionalText(
                "dashboard.files",
                \.dashboard.files,
                "The folder of the page's files; empty for `../share/wsbroker/dashboard` beside the executable."
            ),
            .optionalText("dashboard.chart", \.dashboard.chart, "The file of Chart.js, which the page draws with."),
        ] + Self.authentication + Self.messageLimits + Self.connectionLimits + Self.timeLimits

    private static let authentication: [ConfigurationKey] = [
        .optionalText("auth.tokens", \.authentication.tokens, "The file of the broker's own tokens; empty for none."),
        .optionalText(
            "auth.tokensVariable",
            \.authentication.tokensVariable,
            "The name of a variable that has the same JSON document, instead of a file; empty for none."
        ),
        .flag(
            "auth.queryToken",
            \.authentication.queryToken,
            """
            Whether a token may stand in the URL (`?token=`), where proxies and histories keep it; else a request with \
            one is refused.
            """
        ),
        .optionalText(
            "auth.jwt.keys",
            \.authentication.jwt.keys,
            "The file of the keys of JSON Web Tokens, a JSON Web Key Set; empty to take none."
        ),
        .optionalText("auth.jwt.issuer", \.authentication.jwt.issuer, "What their `iss` has to be."),
        .optionalText("auth.jwt.audience", \.authentication.jwt.audience, "What their `aud` has to be or to have."),
        .duration(
            "auth.jwt.leeway",
            \.authentication.jwt.leeway,
            .zero...(.minutes(10)),
            "How far the clocks of the issuer and of the broker may be apart."
        ),
        .duration(
            "auth.jwt.lifetimeMax",
            \.authentication.jwt.lifetimeMax,
            .seconds(1)...(.hours(24 * 400)),
            "The longest that a token may count, from `iat`, or from now without one, to `exp`."
        ),
    ]

    private static let security: [ConfigurationKey] = [
        .optionalText(
            "listen.tls.certificate",
            \.listenTLS.certificate,
            "The PEM file of the certificate and of those between it and its authority; empty for no TLS."
        ),
        .optionalText("listen.tls.key", \.listenTLS.key, "The PEM file of its key, without a password."),
        .optionalText(
            "listen.tls.clientAuthorities",
            \.listenTLS.clientAuthorities,
            "The PEM file of the authorities whose client certificates are taken."
        ),
        .choice(
            "listen.tls.clients",
            \.listenTLS.clientsText,
            TLSSettings.Clients.allCases.map(\.rawValue),
            "Whether clients may or have to show a certificate."
        ),
        .flag(
            "listen.insecure",
            \.listenInsecure,
            "Whether other machines are served without TLS: where the network is trusted, or a proxy in front does it."
        ),
    ]

    private static let messageLimits: [ConfigurationKey] = [
        .size(
            "limits.messageBytes",
            \.transport.limits.wire.messageBytesMax,
            1024...(64 << 20),
            "The largest message. Larger ones close the connection with 1009."
        ),
        .integer(
            "limits.fragmentsPerMessage",
            \.transport.limits.wire.fragmentsMax,
            1...1_000_000,
            "The most fragments of one message."
        ),
        .integer(
            "limits.jsonDepth",
            \.transport.limits.wire.jsonDepthMax,
            1...WireLimits.jsonDepthCeiling,
            "How deep arrays and objects may nest in `data`."
        ),
        .integer(
            "limits.topicBytes",
            \.transport.limits.wire.topic.bytesMax,
            1...4096,
            "The longest topic, in bytes."
        ),
        .integer(
            "limits.topicLevels",
            \.transport.limits.wire.topic.levelsMax,
            1...128,
            "The most levels of a topic."
        ),
        .integer(
            "limits.topics",
            \.transport.limits.topics,
            1...100_000_000,
            "The most topics; each costs some hundred bytes of memory."
        ),
        .integer(
            "limits.keysPerTopic",
            \.transport.limits.keysPerTopic,
            1...1_000_000,
            "The most keys of a topic with `perKey`, where its rule has no `maxKeys`."
        ),
        .integer(
            "limits.producers",
            \.transport.limits.producers,
            1...10_000_000,
            """
            The most producers that are remembered; then the one that was used longest ago is forgotten, of one's own \
            for who has an equal share already.
            """
        ),
        .integer(
            "limits.onces",
            \.transport.limits.onces,
            1...100_000_000,
            "The most publishes with `once` that are remembered; then more are refused for a while."
        ),
    ]

    private static let connectionLimits: [ConfigurationKey] = [
        .integer(
            "limits.connections",
            \.transport.connections,
            0...10_000_000,
            "The most connections; 0 for no bound."
        ),
        .integer(
            "limits.connectionsPerAddress",
            \.transport.connectionsPerAddress,
            0...10_000_000,
            """
            The most connections from one address, and behind a proxy of `listen.proxies` WebSockets and requests \
            under way; 0 for no bound.
            """
        ),
        .integer(
            "limits.failedLoginsPerMinute",
            \.transport.failedLoginsPerMinute,
            0...1_000_000,
            """
            Different wrong credentials from one address, past which it has to wait out the minute; the same ones may \
            come ten times as often; 0 for no bound.
            """
        ),
        .integer(
            "limits.subscriptionsPerConnection",
            \.transport.limits.subscriptionsPerConnection,
            1...1_000_000,
            "The most subscriptions of one connection."
        ),
        .size(
            "limits.outboxBytes",
            \.transport.limits.outboxBytes,
            4096...(1 << 30),
            "How much may wait for one client before it is closed as a slow consumer."
        ),
        .integer(
            "limits.unacknowledgedMessages",
            \.transport.limits.unacknowledgedMessages,
            1...1_000_000,
            "Requests without an answer past which a connection is not read."
        ),
        .size(
            "limits.unacknowledgedBytes",
            \.transport.limits.unacknowledgedBytes,
            4096...(1 << 30),
            "The same in bytes."
        ),
        .integer(
            "limits.publishesPerSecond",
            \.transport.publishesPerSecond,
            0...100_000_000,
            """
            The most publishes of one connection in a second, and over HTTP of one principal, or of one \
            address where nobody says who it is; 0 for no bound, back-pressure holds it anyway.
            """
        ),
        .integer(
            "limits.subscriptionsPerSecond",
            \.transport.subscriptionsPerSecond,
            0...1_000_000,
            """
            The most subscriptions of one connection in a second, past the first that it may have; 0 for no bound.
            """
        ),
        .integer(
            "limits.publishBurst",
            \.transport.publishBurst,
            0...100_000_000,
            "How many of them it may make at once after a pause; 0 for as many as in a second."
        ),
        .integer(
            "limits.errorsPerTenSeconds",
            \.transport.limits.errorsPerTenSeconds,
            0...1_000_000,
            "Frames that are no valid request, past which a connection is closed; 0 for no bound."
        ),
        .integer(
            "limits.streams",
            \.streams,
            0...10_000_000,
            "The most HTTP requests that stay: server-sent events and long polls."
        ),
        .size(
            "limits.headerBytes",
            \.transport.headerBytes,
            1024...(1 << 20),
            "The most bytes of an HTTP request's header."
        ),
        .integer(
            "limits.headerFields",
            \.transport.headerFields,
            10...10_000,
            "The most fields of an HTTP request's header."
        ),
    ]

    private static let timeLimits: [ConfigurationKey] = [
        .duration(
            "limits.handshakeTimeout",
            \.transport.handshakeTimeout,
            .milliseconds(100)...(.minutes(10)),
            "How long a client may take until a request is complete; the first, from the connection on."
        ),
        .duration(
            "limits.frameTimeout",
            \.transport.frameTimeout,
            .seconds(1)...(.minutes(10)),
            "The longest from the first byte of a frame to its last."
        ),
        .duration(
            "limits.pingInterval",
            \.transport.pingInterval,
            .seconds(1)...(.hours(1)),
            "How often a silent client is asked whether it is there."
        ),
        .duration(
            "limits.pongTimeout",
            \.transport.pongTimeout,
            .seconds(1)...(.hours(1)),
            "How long it may take to answer."
        ),
        .duration(
            "limits.closeTimeout",
            \.transport.closeTimeout,
            .seconds(1)...(.minutes(10)),
            "How long a client may take to answer a Close before the connection is cut."
        ),
        .integer(
            "limits.waitSeconds",
            \.waitSeconds,
            1...3600,
            "The longest that a long poll waits, in seconds."
        ),
        .duration(
            "limits.totalsPause",
            \.transport.limits.totalsPause,
            .zero...(.seconds(10)),
            "The longest pause between two rounds of totals to very many subscribers; \"0s\" for none."
        ),
    ]
}

extension BrokerLimits {
    /// The longest pause as a duration.
    var totalsPause: TimeAmount {
        get { .nanoseconds(Int64(clamping: self.totalsPauseMax)) }
        set { self.totalsPauseMax = UInt64(clamping: newValue.nanoseconds) }
    }
}

extension TLSSettings {
    /// Whether clients show a certificate, as it is written.
    var clientsText: String {
        get { self.clients.rawValue }
        set { self.clients = Clients(rawValue: newValue) ?? .none }
    }
}

extension BrokerConfiguration {
    /// The log format as it is written.
    var logFormatText: String {
        get { self.logFormat.rawValue }
        set { self.logFormat = LogFormat(rawValue: newValue) ?? .text }
    }
}
