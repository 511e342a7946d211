package import BrokerAggregation
import BrokerCore
import BrokerStore
import BrokerTransport
import BrokerWire
import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
package import UnixSignals

/// A whole broker from a configuration: store, core, event loops and listeners, from start to stop.
package struct BrokerApplication: Sendable {
    /// Where a broker listens once it does.
    package struct Running: Sendable {
        package var port: Int
        package var adminPort: Int
    }

    private let configuration: BrokerConfiguration
    private let registry: AggregatorRegistry
    private let logger: Logger
    private let threshold: LogThreshold
    private let reread: Reread

    /// Reads a configuration from where it came from.
    package typealias Reread = @Sendable () throws(ConfigurationError) -> BrokerConfiguration

    /// - `threshold`: The level of `logger`, which a reload may change.
    /// - `reread`: What a reload reads.
    package init(
        configuration: BrokerConfiguration,
        registry: AggregatorRegistry = .builtIn,
        logger: Logger,
        threshold: LogThreshold = LogThreshold(.info),
        reread: Reread? = nil
    ) {
        self.configuration = configuration
        self.registry = registry
        self.logger = logger
        self.threshold = threshold
        self.reread = reread ?? { () throws(ConfigurationError) in configuration }
    }

    /// Runs until it is told to stop, then answers what was asked, says goodbye, and stores everything.
    ///
    /// - `signals`: What tells it to stop, besides the cancellation of the task.
    /// - `reloadSignals`: What makes it read its configuration again.
    /// - `running`: Told once both listeners are up.
    package func run(
        signals: [UnixSignal] = [.sigterm, .sigint],
        reloadSignals: [UnixSignal] = [.sighup],
        running: @escaping @Sendable (Running) -> Void = { _ in }
    ) async throws {
        // From the first moment on: until it is caught, this signal ends the process.
        let reloads = reloadSignals.isEmpty ? nil : await UnixSignalsSequence(trapping: reloadSignals)
        ProcessResources.raiseDescriptorLimit()
        ProcessResources.keepFilesPrivate()
        let files = try await self.readFiles()
        let store = try self.openStore()
        defer { store.close() }
        let threads = self.configuration.eventLoops > 0 ? self.configuration.eventLoops : ProcessResources.coreCount
        // The loops end with the process. Hummingbird's server finishes its own shutdown in a task that nobody can wait
        // for, and that task needs them.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: threads)
        try await self.serve(
            store,
            BrokerAuthenticator(files.credentials),
            files.tls.map(ServerTLS.init),
            group,
            signals,
            reloads,
            running
        )
        self.logger.notice("the broker has stopped")
    }

    /// What the configuration names; says what of both should be looked at.
    private func readFiles() async throws(BrokerError) -> ConfiguredFiles {
        do throws(ConfigurationError) {
            let files = try await ConfiguredFiles(of: self.configuration)
            self.logger.warn(of: self.configuration, files)
            return files
        } catch {
            throw .configuration(error)
        }
    }

    private func openStore() throws(BrokerError) -> SQLiteStore {
        do throws(StoreError) {
            let path = self.configuration.storePath
            let store = try SQLiteStore(path: path, logger: self.logger)
            for exposure in StorePermission.exposures(path: path) {
                self.logger.warning("others can get at the store", metadata: ["what": "\(exposure)"])
            }
            return store
        } catch {
            throw .store(error)
        }
    }

    private func serve(
        _ store: SQLiteStore,
        _ authenticator: BrokerAuthenticator,
        _ tls: ServerTLS?,
        _ group: MultiThreadedEventLoopGroup,
        _ signals: [UnixSignal],
        _ reloads: UnixSignalsSequence?,
        _ running: @escaping @Sendable (Running) -> Void
    ) async throws {
        let failure = StorageFailure(logger: self.logger)
        let restored = try self.restore(store)
        let loops = try await self.startLoops(group, store, authenticator, restored, failure)
        let readiness = Readiness()
        let start = StartUp(
            configuration: self.configuration,
            topicCount: restored.rows.count,
            readiness: readiness,
            logger: self.logger,
            running: running
        )
        let figures = FiguresSource(loops: loops, store: store, readiness: readiness, tls: tls, started: .now)
        let reloader = Reloader(
            current: self.configuration,
            registry: self.registry,
            loops: loops,
            authenticator: authenticator,
            tls: tls,
            threshold: self.threshold,
            reread: self.reread,
            logger: self.logger
        )
        var services: [any Service] = [
            Listener(
                name: "listen",
                address: self.configuration.listen,
                application: self.clients(loops, tls, group, start)
            ),
            Listener(
                name: "admin",
                address: self.configuration.admin,
                application: self.admin(figures, reloader, tls, group, start)
            ),
            StorageWatch(failure: failure, readiness: readiness),
            StoreWatch(
                store: store,
                loops: loops,
                failure: failure,
                readiness: readiness,
                reservedBytes: self.configuration.storeReservedBytes,
                spareBytes: self.configuration.storeSpareBytes,
                logger: self.logger
            ),
            SystemTopics(source: figures, logger: self.logger),
        ]
        if let reloads { services.append(ReloadSignal(signals: reloads, reloader: reloader)) }
        var configuration = ServiceGroupConfiguration(
            services: services,
            gracefulShutdownSignals: signals,
            logger: self.quietLogger
        )
        configuration.maximumGracefulShutdownDuration = .milliseconds(4500)
        try await Self.run(ServiceGroup(configuration: configuration))
        self.logger.notice("the broker stops")
        readiness.set(.notReady("stopping"))
        try await loops.stop()
    }

    /// Runs the services; cancellation stops them as a signal does, so that nothing accepted is lost.
    private static func run(_ group: ServiceGroup) async throws {
        let services = Task { try await group.run() }
        try await withTaskCancellationHandler {
            try await services.value
        } onCancel: {
            Task { await group.triggerGracefulShutdown() }
        }
    }

    /// What the libraries have to say beside their errors is for their own debugging.
    private var quietLogger: Logger {
        var logger = self.logger
        logger.logLevel = .critical
        return logger
    }

    private func restore(_ store: SQLiteStore) throws(BrokerError) -> RestoredStore {
        do throws(StoreError) { return try store.restore() } catch { throw .store(error) }
    }

    private func startLoops(
        _ group: MultiThreadedEventLoopGroup,
        _ store: SQLiteStore,
        _ authenticator: BrokerAuthenticator,
        _ restored: RestoredStore,
        _ failure: StorageFailure
    ) async throws -> EventLoops {
        let rules = try self.configuration.rules(registry: self.registry)
        let plainTopic = try Topic(self.configuration.plainTopic)
        let runEpoch = "r" + String(UInt64.random(in: 0..<(1 << 40)), radix: 36)
        do {
            return try await EventLoops.start(
                on: group,
                configuration: self.configuration.transport,
                access: ConnectionAccess(
                    self.configuration.accessPolicy,
                    authenticator: authenticator,
                    failedLogins: FailedLogins(limit: self.configuration.transport.failedLoginsPerMinute),
                    logger: self.logger,
                    wallClock: ProcessResources.wallClock
                ),
                logger: self.logger,
                wallClock: ProcessResources.wallClock
            ) { [configuration, logger] eventLoop, hubCount in
                let broker = try Broker(
                    rules: rules,
                    limits: configuration.transport.limits,
                    access: configuration.access,
                    plainTopic: plainTopic,
                    restored: restored,
                    runEpoch: runEpoch,
                    serverName: BrokerVersion.product,
                    hubCount: hubCount,
                    startedAt: BrokerTime(
                        monotonic: eventLoop.now.uptimeNanoseconds,
                        wall: ProcessResources.wallClock()
                    ),
                    drawEpoch: { UInt64.random(in: 1...WireLimits.integerMax) },
                    logger: logger
                )
                return CoreDriver(
                    broker: broker,
                    store: store,
                    eventLoop: eventLoop,
                    wallClock: ProcessResources.wallClock
                ) { failure.report($0) }
            }
        } catch let error as RestoreError {
            throw BrokerError.restore(error)
        }
    }

    // MARK: Listeners

    private func clients(
        _ loops: EventLoops,
        _ tls: ServerTLS?,
        _ group: MultiThreadedEventLoopGroup,
        _ start: StartUp
    ) -> some Service {
        let logger = self.logger
        return Application(
            responder: self.clientRoutes(loops, isSecure: tls != nil),
            server: HTTPServerBuilder { UpgradeChannel(responder: $0, loops: loops, tls: tls) },
            configuration: ApplicationConfiguration(
                address: .hostname(self.configuration.listen.host, port: self.configuration.listen.port),
                serverName: BrokerVersion.product,
                backlog: Self.backlog
            ),
            onServerRunning: { channel in
                let guardian = AcceptGuard { logger.warning("accepting failed", metadata: ["error": "\($0)"]) }
                try? await channel.pipeline.addHandler(guardian, position: .first)
                // Hundreds of clients may come at once after a restart.
                try? await channel.setOption(.maxMessagesPerRead, value: 256)
                start.clientsAreServed(on: channel.localAddress?.port ?? 0)
            },
            eventLoopGroupProvider: .shared(group),
            logger: self.quietLogger
        )
    }

    private func clientRoutes(_ loops: EventLoops, isSecure: Bool) -> ClientRoutes {
        let wire = self.configuration.transport.limits.wire
        let dashboard = self.configuration.dashboard
        return ClientRoutes(
            topics: TopicRoutes(
                questions: BrokerQuestions(loops: loops, limits: wire.topic),
                login: RequestLogin(access: loops.access, isSecure: isSecure),
                origins: Origins(
                    access: loops.access,
                    isSecure: isSecure,
                    isLocal: self.configuration.listen.isLoopback
                ),
                streams: StreamRoutes(
                    loops: loops,
                    count: StreamCount(most: self.configuration.streams),
                    waitMax: self.configuration.waitSeconds
                ),
                wire: wire,
                rates: PublisherRates(self.configuration.transport)
            ),
            files: StaticFiles(folder: dashboard.files, chart: dashboard.chart, hasPage: dashboard.isEnabled)
        )
    }

    private func admin(
        _ figures: FiguresSource,
        _ reloader: Reloader,
        _ tls: ServerTLS?,
        _ group: MultiThreadedEventLoopGroup,
        _ start: StartUp
    ) -> some Service {
        let questions = BrokerQuestions(loops: figures.loops, limits: self.configuration.transport.limits.wire.topic)
        let routes = AdminRoutes(
            readiness: figures.readiness,
            backup: BackupRoute(
                store: figures.store,
                reservedBytes: self.configuration.storeReservedBytes,
                logger: self.logger
            ),
            broker: BrokerRoutes(questions: questions, logger: self.logger),
            reload: ReloadRoute(reloader: reloader),
            guardian: AdminGuard(
                access: figures.loops.access,
                browsers: BrowserGuard(host: self.configuration.admin.host),
                isLocal: self.configuration.admin.isLoopback
            ),
            figures: figures,
            logger: self.logger
        )
        let secured = self.configuration.adminUsesTLS ? tls : nil
        return Application(
            router: routes.router,
            server: HTTPServerBuilder { responder in
                let plain = HTTP1Channel(responder: responder)
                return if let secured { SecuredChannel(plain, tls: secured) } else { plain }
            },
            configuration: ApplicationConfiguration(
                address: .hostname(self.configuration.admin.host, port: self.configuration.admin.port),
                serverName: BrokerVersion.product
            ),
            onServerRunning: { start.adminIsServed(on: $0.localAddress?.port ?? 0) },
            eventLoopGroupProvider: .shared(group),
            logger: self.quietLogger
        )
    }

    /// How many connections may wait to be accepted; the kernel lowers it to what it allows.
    private static let backlog = 4096
}
