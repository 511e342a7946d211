import BrokerCore
import GRDB

/// A table whose rows carry a checksum: what there is to check, to count and to save.
///
/// Every such table stands in ``all``; checks, backups and recovery know no other list.
struct CheckedTable: Sendable {
    let name: String
    /// What people call its rows.
    let noun: String
    /// The column with the number by which a row is found when the table can not be read in order.
    let key: String
    /// The column with the name that people know a row by.
    let label: String
    let columns: [Column]
    /// Whether the checksum fits. Only asked about rows whose columns are of the right kind.
    let isSound: @Sendable (Row) -> Bool

    struct Column: Sendable {
        enum Kind: Sendable {
            case integer
            case text
            case blob
        }

        let name: String
        let kind: Kind
        let isOptional: Bool

        init(_ name: String, _ kind: Kind, isOptional: Bool = false) {
            self.name = name
            self.kind = kind
            self.isOptional = isOptional
        }

        func fits(_ value: DatabaseValue) -> Bool {
            switch (value.storage, self.kind) {
            case (.null, _): self.isOptional
            case (.int64, .integer), (.string, .text), (.blob, .blob): true
            default: false
            }
        }
    }

    static let all: [CheckedTable] = [.topic, .producer, .once]

    private static let topic = CheckedTable(
        name: "topic",
        noun: "topic",
        key: "id",
        label: "name",
        columns: [
            Column("id", .integer), Column("name", .text), Column("offset", .integer), Column("changedAt", .integer),
            Column("aggregator", .text, isOptional: true), Column("number", .text, isOptional: true),
            Column("stateVersion", .integer, isOptional: true), Column("content", .blob, isOptional: true),
            Column("siblings", .blob, isOptional: true), Column("alerts", .blob, isOptional: true),
            Column("checksum", .integer), Column("life", .integer),
        ],
        isSound: { TopicRow($0) != nil }
    )

    private static let producer = CheckedTable(
        name: "producer",
        noun: "producer",
        key: "id",
        label: "name",
        columns: [
            Column("id", .integer), Column("name", .text), Column("epoch", .integer), Column("settled", .integer),
            Column("accepted", .blob), Column("resumes", .integer), Column("lastUse", .integer),
            Column("checksum", .integer), Column("principal", .text),
        ],
        isSound: { ProducerRow($0) != nil }
    )

    private static let once = CheckedTable(
        name: "once",
        noun: "publish with 'once'",
        key: "id",
        label: "once",
        columns: [
            Column("id", .integer), Column("topic", .text), Column("once", .text), Column("content", .integer),
            Column("time", .integer), Column("checksum", .integer), Column("principal", .text),
        ],
        isSound: { OnceRow($0) != nil }
    )

    /// Whether its rows are topics, whose states can be looked into.
    var holdsTopics: Bool { self.name == Self.topic.name }

    /// Its columns in their order, for SQL.
    var list: String { self.columns.map { "\"\($0.name)\"" }.joined(separator: ", ") }

    /// What is wrong with a row of ``list``, if anything is. A flipped bit can make anything of it.
    func problem(of row: Row) -> String? {
        let values = Array(row.databaseValues)
        for (column, value) in zip(self.columns, values) where !column.fits(value) {
            return "its \(column.name) is not what it has to be"
        }
        return self.isSound(row) ? nil : "its checksum is wrong"
    }

    /// What to call a row, however damaged it is.
    func label(of row: Row) -> String {
        let value = row[self.label] as DatabaseValue?
        if case .string(let text)? = value?.storage { return "\(self.noun) '\(text)'" }
        return "\(self.noun) \(self.key) \((row[self.key] as DatabaseValue?).map { "\($0)" } ?? "?")"
    }
}
