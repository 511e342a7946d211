public import BrokerWire

/// Folds the numbers or events that are published to a topic into one running value.
///
/// An aggregator is an immutable value without clock, I/O or concurrency of its own; what changes is its `State`,
/// one element of a monoid: `identity` and `merge` make states combine in any grouping. The broker owns everything
/// else (parsing, counting, storing, telling subscribers), so an aggregator is a few lines and a test of it needs no
/// broker.
///
/// The law that every aggregator keeps: folding two runs of samples one after the other gives the same state as
/// folding each by itself and merging the two.
public protocol Aggregator: Sendable {
    /// The parameters that a rule may give, `{}` if none.
    associatedtype Configuration: Decodable & Sendable
    /// What is remembered between two samples.
    associatedtype State: Codable & Sendable

    static var descriptor: AggregatorDescriptor { get }

    /// Checks the parameters, all of them, once.
    init(configuration: Configuration, context: AggregationContext) throws(AggregatorError)

    /// What a sample has to carry; by default what the descriptor says. For those whose parameters decide.
    var input: AggregatorDescriptor.Input { get }

    /// What of the parameters the state depends on, as text that is part of what a stored state is known by: a state of
    /// other bounds is refused, not misread. Empty if a state means the same whatever the parameters are.
    var stateParameters: String { get }

    /// The state before the first sample.
    func identity() -> State

    /// Takes one sample into account, or throws and leaves `state` as it was.
    func add(_ sample: Sample, to state: inout State) throws(AggregatorError)

    /// Takes another state into account, or throws and leaves `state` as it was.
    func merge(_ other: State, into state: inout State) throws(AggregatorError)

    /// The running value; asking does not change the state.
    func value(of state: State) -> AggregateValue

    /// How many bytes `state` takes, the heap's too; by default those of the value alone.
    func memory(of state: State) -> Int

    /// Writes `state` for the store. By default its `Codable` form as JSON; a compact form is worth having where
    /// states change often.
    func encode(_ state: State, into bytes: inout [UInt8]) throws(AggregatorError)

    /// Reads what ``encode(_:into:)`` of this or an older `version` wrote. Stored bytes are to be trusted no more than
    /// a client's: whatever they hold, the answer is a state or an error.
    func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State
}

extension Aggregator {
    public var input: AggregatorDescriptor.Input { Self.descriptor.input }

    public var stateParameters: String { "" }

    public func memory(of state: State) -> Int { MemoryLayout<State>.size }
}

/// What an aggregator is told about the rule that it stands in.
public struct AggregationContext: Hashable, Sendable {
    /// How the topic keeps its numbers.
    public var number: NumberFormat
    /// How long the rule's window is, in milliseconds, or `nil` without one.
    public var windowMilliseconds: Int64?

    public init(number: NumberFormat = .decimal, windowMilliseconds: Int64? = nil) {
        self.number = number
        self.windowMilliseconds = windowMilliseconds
    }
}

/// One publish, as an aggregator sees it.
public struct Sample: Hashable, Sendable {
    /// The number, in the topic's format; zero where the aggregator wants none.
    public var number: ExactDecimal
    /// When the broker accepted it, in milliseconds since 1970.
    public var timestamp: UInt64
    /// When it happened, in milliseconds since 1970: what decides which window it belongs to.
    public var time: UInt64
    /// The topic's offset that this publish gets: later samples have higher ones.
    public var offset: UInt64
    /// What the sample is about, as UTF-8: the rule's `key`, or the value itself where the aggregator wants labels;
    /// empty if neither.
    public var label: [UInt8]

    /// - `time`: As `timestamp` where nothing is said.
    public init(
        number: ExactDecimal,
        timestamp: UInt64 = 0,
        time: UInt64? = nil,
        offset: UInt64 = 0,
        label: [UInt8] = []
    ) {
        self.number = number
        self.timestamp = timestamp
        self.time = time ?? timestamp
        self.offset = offset
        self.label = label
    }
}

/// What can go wrong in an aggregator.
public enum AggregatorError: Error, Hashable, Sendable {
    /// No aggregator has this name.
    case unknown(name: String, known: [String])
    /// A parameter is missing or wrong; `path` says which.
    case configuration(path: String, reason: String)
    /// A sample that it does not take: `why` is the word on the wire, `reason` is for people. The state is unchanged.
    case input(why: String, reason: String)
    /// A sample for a window that is closed already: it is left out, which is no error of the publisher. The state is
    /// unchanged.
    case late
    /// The result would leave its range. The state is unchanged.
    case overflow
    /// Stored bytes that are no state of this aggregator.
    case stateCorrupt(String)
    /// Stored bytes that a newer version wrote. They are kept and never reset.
    case stateVersion(found: Int, supported: Int)
}

extension AggregatorError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .unknown(let name, let known):
            "there is no aggregator '\(name)'; there are \(known.sorted().joined(separator: ", "))"
        case .configuration(let path, let reason): path.isEmpty ? reason : "\(path): \(reason)"
        case .input(_, let reason): reason
        case .late: "the sample comes too late for its window"
        case .overflow: "the result would leave its range"
        case .stateCorrupt(let reason): "the stored state is damaged: \(reason)"
        case .stateVersion(let found, let supported):
            "the stored state has version \(found) and this broker reads up to \(supported): use a newer broker"
        }
    }
}
