public import BrokerWire

/// A refusal as the broker gave it.
public struct BrokerRefusal: Hashable, Sendable {
    /// The number; see `ErrorCode` for the meaning of its hundreds.
    public var number: UInt16
    /// The number's name, such as `bad_value`.
    public var name: String
    /// What is wrong, for people.
    public var reason: String
    /// The detail of a `bad_value`, such as `not_a_number`.
    public var why: String?
    /// What to do about it.
    public var retry: Retry
    /// When to try again, where the broker said so.
    public var afterMilliseconds: Int?

    /// A refusal of its parts, for tests of programs that meet one.
    public init(
        number: UInt16,
        name: String,
        reason: String,
        why: String? = nil,
        retry: Retry = .no,
        afterMilliseconds: Int? = nil
    ) {
        self.number = number
        self.name = name
        self.reason = reason
        self.why = why
        self.retry = retry
        self.afterMilliseconds = afterMilliseconds
    }

    /// The number as one that this version of the client knows.
    public var code: ErrorCode? { ErrorCode(rawValue: self.number) }
}

extension BrokerRefusal: CustomStringConvertible {
    public var description: String {
        let detail = self.why.map { " (\($0))" } ?? ""
        return "\(self.number) \(self.name)\(detail): \(self.reason)"
    }
}
