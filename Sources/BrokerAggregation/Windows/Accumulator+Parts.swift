extension Accumulator {
    /// Merges `parts`, those that find no room after the others: a sum of them all is found if there is room for it, no
    /// matter what there is in between. Throws if there is none, and has merged some then.
    func merge(all parts: [any Accumulator]) throws(AggregatorError) {
        var rest = parts
        while !rest.isEmpty {
            var refused: [any Accumulator] = []
            var failure: AggregatorError?
            for part in rest {
                do throws(AggregatorError) {
                    try self.merge(part)
                } catch {
                    failure = error
                    refused.append(part)
                }
            }
            if let failure, refused.count == rest.count { throw failure }
            rest = refused
        }
    }
}
