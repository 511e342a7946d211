/// What has become of the credentials of somebody who has shown them before.
package enum Standing: Hashable, Sendable {
    /// They count, and say this now: perhaps until another time.
    case counts(Identity)
    /// They do not count any more.
    case ended
    /// What they were judged by is not what counts now, and they are not here to be judged again: who has them has to
    /// connect and show them.
    case isUnknown
}
