import GRDB

/// The keys that a damaged table may have rows of, from every way of reading it.
struct KnownKeys {
    /// What the index calls them.
    private(set) var names: [Int64: String] = [:]
    private var seen: Set<Int64> = []

    init(_ table: CheckedTable, _ source: Database) {
        // From both ends: each comes as far as the damage.
        for order in ["ASC", "DESC"] {
            let byName = "SELECT \(table.key), \(table.label) FROM \(table.name) ORDER BY \(table.label) \(order)"
            Self.readAsFarAsPossible(byName, source) { row in
                guard let key = Int64.fromDatabaseValue(row[0]) else { return }
                self.seen.insert(key)
                self.names[key] = String.fromDatabaseValue(row[1])
            }
            let byKey = "SELECT \(table.key) FROM \(table.name) NOT INDEXED ORDER BY \(table.key) \(order)"
            Self.readAsFarAsPossible(byKey, source) { row in
                if let key = Int64.fromDatabaseValue(row[0]) { self.seen.insert(key) }
            }
        }
    }

    /// More than this are not tried one by one; a damaged key can be any number.
    private static let triedMax: Int64 = 100_000_000

    /// Every key up to the highest: between two damaged pages there may be sound rows that no way of reading comes to,
    /// and keys are given in order and never again, so that there are not many more of them than there were rows.
    var candidates: AnySequence<Int64> {
        let last = self.seen.filter { $0 <= Self.triedMax }.max() ?? 0
        let beyond = self.seen.filter { $0 > Self.triedMax || $0 < 1 }.sorted()
        return last > 0 ? AnySequence([AnySequence(1...last), AnySequence(beyond)].joined()) : AnySequence(beyond)
    }

    private static func readAsFarAsPossible(_ sql: String, _ source: Database, _ take: (Row) -> Void) {
        do {
            let rows = try Row.fetchCursor(source, sql: sql)
            while let row = try rows.next() { take(row) }
        } catch {
            // As far as possible.
        }
    }
}
