/// What a client may do.
package struct Rights: OptionSet, Hashable, Sendable {
    package let rawValue: UInt8

    package init(rawValue: UInt8) { self.rawValue = rawValue }

    package static let publish = Self(rawValue: 1)
    package static let subscribe = Self(rawValue: 2)
    package static let admin = Self(rawValue: 4)
}
