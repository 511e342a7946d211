/// Sizes that are applied to a client's bytes before anything is allocated for them.
public struct WireLimits: Hashable, Sendable {
    /// The largest message, in bytes: larger ones close with 1009 as soon as a header announces them.
    public var messageBytesMax: Int
    /// The most fragments of one message. Without it, empty fragments without end would cost work for nothing.
    public var fragmentsMax: Int
    /// How deep arrays and objects may nest in `data`; at most ``jsonDepthCeiling``.
    public var jsonDepthMax: Int
    public var topic: TopicLimits

    /// The scanner keeps one bit per open container in a machine word.
    public static let jsonDepthCeiling = 64
    /// The most fields of one envelope. It has sixteen; more are somebody's mistake, or work for nothing.
    public static let envelopeFieldsMax = 32
    /// The largest `id` and `once` given as a string, in bytes.
    public static let idBytesMax = 64
    /// The largest integer that survives JavaScript: 2^53-1.
    public static let integerMax: UInt64 = 9_007_199_254_740_991

    public init(
        messageBytesMax: Int = 64 * 1024,
        fragmentsMax: Int = 1024,
        jsonDepthMax: Int = 32,
        topic: TopicLimits = TopicLimits()
    ) {
        self.messageBytesMax = messageBytesMax
        self.fragmentsMax = fragmentsMax
        self.jsonDepthMax = jsonDepthMax
        self.topic = topic
    }
}
