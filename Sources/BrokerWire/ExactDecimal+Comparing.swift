extension ExactDecimal {
    /// Whether it is smaller than `other`, which may have another number of decimals.
    package func isLess(than other: Self) -> Bool {
        guard self.scale != other.scale else { return self < other }
        let isOurs = self.scale < other.scale
        let (fewer, more) = isOurs ? (self, other) : (other, self)
        var units = fewer.units
        for _ in fewer.scale..<more.scale {
            let (product, overflow) = units.multipliedReportingOverflow(by: 10)
            // Beyond everything that the other one could be: its sign decides.
            guard !overflow else { return (fewer.units < 0) == isOurs }
            units = product
        }
        return isOurs ? units < more.units : more.units < units
    }
}
