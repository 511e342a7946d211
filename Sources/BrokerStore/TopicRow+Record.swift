import BrokerCore
// Foundation for `Data`, which is how GRDB takes and gives blobs.
import Foundation
import GRDB

/// How a topic stands in the table.
extension TopicRow {
    static let upsert = """
        INSERT INTO topic (
            id, name, offset, changedAt, aggregator, number, stateVersion, content, siblings, alerts, checksum, life)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            offset = excluded.offset, changedAt = excluded.changedAt, aggregator = excluded.aggregator,
            number = excluded.number, stateVersion = excluded.stateVersion, content = excluded.content,
            siblings = excluded.siblings, alerts = excluded.alerts, checksum = excluded.checksum,
            life = excluded.life
        """

    private struct Parts {
        var aggregator: String?
        var number: String?
        var version: Int?
        var content: [UInt8]?
        var siblings: [UInt8]?
    }

    private var parts: Parts {
        switch self.content {
        case .retained(let message, let siblings):
            Parts(content: message, siblings: siblings.isEmpty ? nil : siblings)
        case .aggregate(let name, let number, let version, let state):
            Parts(aggregator: name, number: number, version: version, content: state)
        }
    }

    var arguments: StatementArguments {
        let parts = self.parts
        return [
            self.id, String(decoding: self.name, as: UTF8.self), Int64(self.offset), Int64(self.timestamp),
            parts.aggregator, parts.number, parts.version, parts.content.map { Data($0) },
            parts.siblings.map { Data($0) }, self.alerts.map { Data($0) }, self.checksum,
            Int64(self.life),
        ]
    }

    private var checksum: Int64 {
        let parts = self.parts
        var checksum = Checksum()
        checksum.add(self.name)
        checksum.add(self.offset)
        checksum.add(self.timestamp)
        checksum.add((parts.aggregator ?? "").utf8)
        checksum.add((parts.number ?? "").utf8)
        checksum.add(UInt64(parts.version ?? 0))
        checksum.add(parts.content == nil ? 0 : 1)
        checksum.add(parts.content ?? [])
        // Rows from before there were these have the checksum that they had.
        for (place, part) in [parts.siblings, self.alerts].enumerated() {
            guard let part else { continue }
            checksum.add(UInt64(place))
            checksum.add(part)
        }
        if self.life > 0 {
            checksum.add(2)
            checksum.add(self.life)
        }
        return checksum.value
    }

    /// Reads a row; `nil` if its checksum does not fit what it says.
    init?(_ row: Row) {
        let aggregator: String? = row[4]
        let number: String? = row[5]
        let content: Data? = row[7]
        let siblings: Data? = row[8]
        let alerts: Data? = row[9]
        let offset: Int64 = row[2]
        let changedAt: Int64 = row[3]
        let name: String = row[1]
        let life: Int64 = row[11]
        self.init(
            id: row[0],
            name: Array(name.utf8),
            offset: UInt64(clamping: offset),
            timestamp: UInt64(clamping: changedAt),
            content: aggregator.map { name in
                .aggregate(
                    name: name,
                    number: number ?? "",
                    version: row[6] ?? 0,
                    state: content.map(Array.init) ?? []
                )
            } ?? .retained(content.map(Array.init), siblings: siblings.map(Array.init) ?? []),
            alerts: alerts.map(Array.init),
            life: UInt64(clamping: life)
        )
        let checksum: Int64 = row[10]
        guard checksum == self.checksum else { return nil }
    }
}
