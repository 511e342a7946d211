package import BrokerCore
import GRDB

/// What a check has found.
package struct StoreFindings: Hashable, Sendable {
    /// Everything that is wrong, each in a line.
    package var problems: [String] = []
    /// How many rows were read, by table.
    package var rows: [String: Int] = [:]
    /// The format, where it is an older one of which no row was read.
    package var olderFormat: Int?

    package init() {}

    package var rowCount: Int { self.rows.values.reduce(0, +) }
}

extension SQLiteStore {
    /// Reads everything, changes nothing, and says everything that is wrong.
    ///
    /// - `isQuick`: Leaves out whether the indexes fit their tables, which takes most of the time.
    /// - `inspect`: Told every sound topic; gives back what else is wrong with it.
    package func check(
        isQuick: Bool = false,
        inspect: (TopicRow) -> String? = { _ in nil }
    ) throws(StoreError) -> StoreFindings {
        do {
            return try self.queue.writeWithoutTransaction { database in
                try StoreCheck.findings(database, isQuick: isQuick, inspect: inspect)
            }
        } catch {
            throw Self.translate(error, path: self.path)
        }
    }
}

/// Looks for damage.
enum StoreCheck {
    static func findings(
        _ database: Database,
        isQuick: Bool = false,
        inspect: (TopicRow) -> String? = { _ in nil },
        isCancelled: () -> Bool = { false }
    ) throws -> StoreFindings {
        var findings = StoreFindings()
        Self.checkPages(database, isQuick: isQuick, &findings)
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version == StoreSchema.version else {
            findings.olderFormat = version
            return findings
        }
        for table in CheckedTable.all { Self.check(table, database, &findings, inspect, isCancelled) }
        return findings
    }

    private static func checkPages(_ database: Database, isQuick: Bool, _ findings: inout StoreFindings) {
        do {
            let pragma = isQuick ? "quick_check" : "integrity_check"
            let lines = try String.fetchAll(database, sql: "PRAGMA \(pragma)(100000)")
            findings.problems += lines.filter { $0 != "ok" }
        } catch {
            // Damage can be such that even the check gives up.
            findings.problems.append((error as? DatabaseError)?.message ?? "\(error)")
        }
    }

    private static func check(
        _ table: CheckedTable,
        _ database: Database,
        _ findings: inout StoreFindings,
        _ inspect: (TopicRow) -> String?,
        _ isCancelled: () -> Bool
    ) {
        var count = 0
        do {
            let sql = "SELECT \(table.list) FROM \(table.name) ORDER BY \(table.key)"
            let rows = try Row.fetchCursor(database, sql: sql)
            while !isCancelled(), let row = try rows.next() {
                count += 1
                var problem = table.problem(of: row)
                if problem == nil, table.holdsTopics { problem = TopicRow(row).flatMap(inspect) }
                if let problem { findings.problems.append("\(table.label(of: row)): \(problem)") }
            }
        } catch {
            let reason = (error as? DatabaseError)?.message ?? "\(error)"
            findings.problems.append("the table \(table.name) can not be read past its row \(count): \(reason)")
        }
        findings.rows[table.name] = count
    }

    /// How many rows each checked table has; nothing where the format is an older one.
    static func countRows(_ database: Database) throws -> [String: Int] {
        let version = try Int.fetchOne(database, sql: "PRAGMA user_version") ?? 0
        guard version == StoreSchema.version else { return [:] }
        var counts: [String: Int] = [:]
        for table in CheckedTable.all {
            counts[table.name] = try Int.fetchOne(database, sql: "SELECT count(*) FROM \(table.name)") ?? 0
        }
        return counts
    }
}
