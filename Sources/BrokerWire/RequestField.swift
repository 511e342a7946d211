/// The fields of an envelope.
enum RequestField: UInt8 {
    case unknown
    case op
    case id
    case topic
    case data
    case retain
    case seq
    case once
    case mode
    case maxRate
    case echo
    case retained
    case since
    /// The members of `since`, which are fields only there.
    case sinceEpoch
    case sinceOffset
    case version
    case token
    case client
    case producer
    /// The members of `producer`, which are fields only there.
    case producerName
    case producerEpoch
    case producerResume
    case producerAcked

    /// No field has more than eight bytes, so one machine word tells them apart.
    init(name: UnsafeRawBufferPointer) { self.init(word: Self.word(name)) }

    /// - Parameter word: The bytes of the name, the first one lowest.
    @inline(__always)
    init(word: UInt64) {
        self =
            switch word {
            case Self.word("op"): .op
            case Self.word("id"): .id
            case Self.word("topic"): .topic
            case Self.word("data"): .data
            case Self.word("retain"): .retain
            case Self.word("seq"): .seq
            case Self.word("once"): .once
            case Self.word("mode"): .mode
            case Self.word("maxRate"): .maxRate
            case Self.word("echo"): .echo
            case Self.word("retained"): .retained
            case Self.word("since"): .since
            case Self.word("v"): .version
            case Self.word("token"): .token
            case Self.word("client"): .client
            case Self.word("producer"): .producer
            default: .unknown
            }
    }

    /// The operation that a word names, its first byte lowest.
    @inline(__always)
    static func operation(_ word: UInt64) -> Request.Operation? {
        switch word {
        case Self.word("pub"): .publish
        case Self.word("sub"): .subscribe
        case Self.word("unsub"): .unsubscribe
        case Self.word("get"): .get
        case Self.word("ping"): .ping
        case Self.word("hello"): .hello
        case Self.word("reset"): .reset
        default: nil
        }
    }

    var name: StaticString {
        switch self {
        case .unknown: ""
        case .op: "op"
        case .id: "id"
        case .topic: "topic"
        case .data: "data"
        case .retain: "retain"
        case .seq: "seq"
        case .once: "once"
        case .mode: "mode"
        case .maxRate: "maxRate"
        case .echo: "echo"
        case .retained: "retained"
        case .since: "since"
        case .sinceEpoch: "since.epoch"
        case .sinceOffset: "since.offset"
        case .version: "v"
        case .token: "token"
        case .client: "client"
        case .producer: "producer"
        case .producerName: "producer.name"
        case .producerEpoch: "producer.epoch"
        case .producerResume: "producer.resume"
        case .producerAcked: "producer.acked"
        }
    }

    /// The bytes of a short name as a number, the first one lowest; 0 for one that can not be any of ours.
    ///
    /// That is a longer one, and one that ends with a zero byte, which would not change the number.
    @inline(__always)
    static func word(_ name: UnsafeRawBufferPointer) -> UInt64 {
        guard name.count <= 8, name.last != 0 else { return 0 }
        var word: UInt64 = 0
        for index in name.indices { word |= UInt64(name[index]) &<< (UInt64(index) &* 8) }
        return word
    }

    /// The same of a literal; the compiler computes it.
    @inline(__always)
    private static func word(_ name: StaticString) -> UInt64 {
        Self.word(UnsafeRawBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount))
    }
}
