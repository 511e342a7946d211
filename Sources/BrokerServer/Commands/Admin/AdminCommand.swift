import ArgumentParser
// FoundationEssentials for JSON and dates.
import FoundationEssentials
import NIOCore

/// What the commands share that ask a running broker.
enum AdminCommand {
    /// Longer than this nobody waits; a million topics are deleted in less.
    private static let timeout = TimeAmount.minutes(5)

    /// For the help of each.
    static let aboutTokens = """
        A broker whose admin listener is not on loopback asks who you are: the token is that of WSBROKER_TOKEN, and \
        needs the right 'admin' to all topics.
        """

    /// Asks, and returns what is answered; throws what is refused.
    static func ask(
        _ method: String,
        _ path: String,
        _ body: BrokerRoutes.Target? = nil,
        _ options: ConfigurationOptions
    ) async throws -> String {
        let client = AdminClient(try options.load())
        let json = try body.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
        let answer = await client.ask(method, path, json: json, timeout: Self.timeout)
        guard let answer else { throw BrokerError.noBroker(url: client.url) }
        guard answer.status == 200 else {
            let reason = client.reason(of: answer) ?? "\(method) \(path) is answered \(answer.status)"
            throw BrokerError.refused(reason: reason)
        }
        return answer.body.last == "\n" ? String(answer.body.dropLast()) : answer.body
    }

    static func decode<Content: Decodable>(_ type: Content.Type, _ json: String) throws -> Content {
        do {
            return try JSONDecoder().decode(type, from: Data(json.utf8))
        } catch {
            throw BrokerError.refused(reason: "the answer is not what was expected: \(json.prefix(200))")
        }
    }

    /// Milliseconds since 1970 as people read them.
    static func time(_ milliseconds: UInt64?) -> String {
        guard let milliseconds else { return "" }
        return Date(timeIntervalSince1970: Double(milliseconds) / 1000).formatted(.iso8601)
    }
}
