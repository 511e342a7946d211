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
    init(configuration: Configuration, number: NumberFormat) throws(AggregatorError)

    /// The state before the first sample.
    func identity() -> State

    /// Takes one sample into account, or throws and leaves `state` as it was.
    func add(_ sample: Sample, to state: inout State) throws(AggregatorError)

    /// Takes another state into account, or throws and leaves `state` as it was.
    func merge(_ other: State, into state: inout State) throws(AggregatorError)

    /// The running value; asking does not change the state.
    func value(of state: State) -> AggregateValue

    /// Writes `state` for the store. By default its `Codable` form as JSON; a compact form is worth having where
    /// states change often.
    func encode(_ state: State, into bytes: inout [UInt8]) throws(AggregatorError)

    /// Reads what ``encode(_:into:)`` of this or an older `version` wrote. Stored bytes are to be trusted no more than
    /// a client's: whatever they hold, the answer is a state or an error.
    func decode(_ bytes: [UInt8], version: Int) throws(AggregatorError) -> State
}

/// What a rule, a listing and the store need to know about an aggregator.
public struct AggregatorDescriptor: Hashable, Sendable {
    /// What a sample has to be.
    public enum Input: String, Sendable {
        /// A JSON number within the topic's number format.
        case number
        /// Any JSON value; only its coming matters.
        case anything
    }

    /// The name in a rule. Names without a dot are the broker's own.
    public var name: String
    /// What it does, in one sentence.
    public var summary: String
    /// The version that ``Aggregator/encode(_:into:)`` writes, from 1; raised with every change of the form.
    public var stateVersion: Int
    public var input: Input

    public init(name: String, summary: String, stateVersion: Int = 1, input: Input = .number) {
        self.name = name
        self.summary = summary
        self.stateVersion = stateVersion
        self.input = input
    }
}

/// One publish, as an aggregator sees it.
public struct Sample: Hashable, Sendable {
    /// The number, in the topic's format; zero where the aggregator takes anything.
    public var number: ExactDecimal
    /// When the broker accepted it, in milliseconds since 1970.
    public var timestamp: UInt64
    /// The topic's offset that this publish gets: later samples have higher ones.
    public var offset: UInt64

    public init(number: ExactDecimal, timestamp: UInt64 = 0, offset: UInt64 = 0) {
        self.number = number
        self.timestamp = timestamp
        self.offset = offset
    }
}

/// The value of an aggregate.
public enum AggregateValue: Hashable, Sendable {
    /// There is none yet.
    case none
    case number(ExactDecimal)
}

/// What can go wrong in an aggregator.
public enum AggregatorError: Error, Hashable, Sendable {
    /// No aggregator has this name.
    case unknown(name: String, known: [String])
    /// A parameter is missing or wrong; `path` says which.
    case configuration(path: String, reason: String)
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
        case .overflow: "the result would leave its range"
        case .stateCorrupt(let reason): "the stored state is damaged: \(reason)"
        case .stateVersion(let found, let supported):
            "the stored state has version \(found) and this broker reads up to \(supported): use a newer broker"
        }
    }
}
