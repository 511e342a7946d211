import BrokerCore
import BrokerWire

/// The path of a topic: `/topics/` and the topic, each level percent-encoded by itself.
enum TopicPath {
    static let list = "/topics"
    private static let prefix = "/topics/"

    static func isOurs(_ path: String) -> Bool { path == Self.list || path.hasPrefix(Self.prefix) }

    /// The topic that a path names, before it is checked to be one.
    static func topic(of path: String) -> Result<[UInt8], HTTPRefusal> {
        let levels = path.utf8.dropFirst(Self.prefix.utf8.count)
            .split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        var topic: [UInt8] = []
        for level in levels {
            guard let decoded = PercentEncoding.decode(level) else {
                return .failure(HTTPRefusal(Refusal(.badTopic, "the path has a '%' without two digits behind it")))
            }
            guard !decoded.contains(UInt8(ascii: "/")) else {
                return .failure(HTTPRefusal(Refusal(.badTopic, "a level of a topic holds no '/'")))
            }
            if !topic.isEmpty || levels.first?.startIndex != level.startIndex { topic.append(UInt8(ascii: "/")) }
            topic += decoded
        }
        return .success(topic)
    }
}
