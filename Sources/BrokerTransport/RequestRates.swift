import BrokerCore
import BrokerWire

/// How often a connection may ask for what costs others something; made only where there is a limit.
final class RequestRates {
    private var publishes: TokenBucket?
    private var subscriptions: TokenBucket?
    private let publishesPerSecond: Int
    private let subscriptionsPerSecond: Int

    init?(_ configuration: TransportConfiguration, now: UInt64) {
        self.publishesPerSecond = configuration.publishesPerSecond
        self.subscriptionsPerSecond = configuration.subscriptionsPerSecond
        self.publishes = TokenBucket(publishesOf: configuration, now: now)
        if configuration.subscriptionsPerSecond > 0 {
            // All that a connection may have can be asked for at once, as after a lost connection.
            self.subscriptions = TokenBucket(
                perSecond: configuration.subscriptionsPerSecond,
                burst: max(configuration.subscriptionsPerSecond, configuration.limits.subscriptionsPerConnection),
                now: now
            )
        }
        if self.publishes == nil, self.subscriptions == nil { return nil }
    }

    /// Why a request comes too soon, if it does.
    func refusal(of request: Request, at now: UInt64) -> RequestError? {
        switch request.operation {
        case .publish, .plain:
            guard let milliseconds = self.publishes?.take(at: now) else { return nil }
            let most = self.publishesPerSecond
            return Self.error("at most \(most) publishes a second (limits.publishesPerSecond)", request, milliseconds)
        case .subscribe:
            guard let milliseconds = self.subscriptions?.take(at: now) else { return nil }
            let most = self.subscriptionsPerSecond
            let reason = "at most \(most) subscriptions a second (limits.subscriptionsPerSecond)"
            return Self.error(reason, request, milliseconds)
        case .hello, .unsubscribe, .get, .reset, .ping:
            return nil
        }
    }

    private static func error(_ reason: String, _ request: Request, _ milliseconds: Int) -> RequestError {
        var error = RequestError(.rateLimited, reason)
        error.id = request.id
        error.seq = request.seq
        if request.id.isEmpty { error.topic = request.topic }
        error.afterMilliseconds = milliseconds
        return error
    }
}

extension TokenBucket {
    /// For publishes, or `nil` where they have no limit.
    init?(publishesOf configuration: TransportConfiguration, now: UInt64) {
        guard configuration.publishesPerSecond > 0 else { return nil }
        self.init(
            perSecond: configuration.publishesPerSecond,
            burst: configuration.publishBurst > 0 ? configuration.publishBurst : configuration.publishesPerSecond,
            now: now
        )
    }
}

@available(*, unavailable)
extension RequestRates: Sendable {}
