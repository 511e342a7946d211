/// What a rule, a listing, the documentation and the store need to know about an aggregator.
public struct AggregatorDescriptor: Hashable, Sendable {
    /// What a sample has to be.
    public enum Input: String, Sendable {
        /// A JSON number within the topic's number format.
        case number
        /// Something to tell samples apart by: the rule's `key`, or else a JSON string or number.
        case label
        /// A number, and the rule's `key` to tell samples apart by.
        case labelledNumber
        /// Any JSON value; only its coming matters.
        case anything
    }

    /// One parameter of a rule.
    public struct Parameter: Hashable, Sendable {
        public var name: String
        /// What it takes, for people: `a list of numbers from 0 to 1`.
        public var form: String
        /// What it is without being given, as JSON; `nil` if it has to be given.
        public var standard: String?
        public var summary: String

        public init(_ name: String, _ form: String, standard: String?, _ summary: String) {
            self.name = name
            self.form = form
            self.standard = standard
            self.summary = summary
        }
    }

    /// What holds of an aggregator, for those who choose one and for the host.
    public struct Traits: OptionSet, Hashable, Sendable {
        public let rawValue: UInt8

        public init(rawValue: UInt8) { self.rawValue = rawValue }

        /// The value is right to the last digit. Without it the value says how far off it may be.
        public static let exact = Self(rawValue: 1)
        /// The same sample twice counts once.
        public static let idempotent = Self(rawValue: 2)
        /// The order of samples matters; they are told apart by offset, so merging still does not care.
        public static let ordered = Self(rawValue: 4)

        /// Their names, for listings.
        public var names: [String] {
            [(Self.exact, "exact"), (.idempotent, "idempotent"), (.ordered, "ordered")]
                .filter { self.contains($0.0) }.map(\.1)
        }
    }

    /// The name in a rule. Names without a dot are the broker's own.
    public var name: String
    /// What it does, in one sentence.
    public var summary: String
    /// The version that ``Aggregator/encode(_:into:)`` writes, from 1; raised with every change of the form.
    public var stateVersion: Int
    public var input: Input
    public var traits: Traits
    public var parameters: [Parameter]
    /// A value that it may have, as JSON.
    public var output: String

    public init(
        name: String,
        summary: String,
        stateVersion: Int = 1,
        input: Input = .number,
        traits: Traits = [],
        parameters: [Parameter] = [],
        output: String = "5"
    ) {
        self.name = name
        self.summary = summary
        self.stateVersion = stateVersion
        self.input = input
        self.traits = traits
        self.parameters = parameters
        self.output = output
    }
}
