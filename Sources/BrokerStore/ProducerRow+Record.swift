import BrokerCore
// Foundation for `Data`, which is how GRDB takes and gives blobs.
import Foundation
import GRDB

/// How a producer stands in the table.
extension ProducerRow {
    static let upsert = """
        INSERT INTO producer (id, name, epoch, settled, accepted, resumes, lastUse, checksum, principal)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (id) DO UPDATE SET
            epoch = excluded.epoch, settled = excluded.settled, accepted = excluded.accepted,
            resumes = excluded.resumes, lastUse = excluded.lastUse, checksum = excluded.checksum
        """

    var arguments: StatementArguments {
        [
            self.id, String(decoding: self.name, as: UTF8.self), Int64(self.epoch), Int64(self.settled),
            Data(self.accepted), self.resumes ? 1 : 0, Int64(self.lastUse), self.checksum,
            String(decoding: self.principal, as: UTF8.self),
        ]
    }

    private var checksum: Int64 {
        var checksum = Checksum()
        checksum.add(self.name)
        checksum.add(self.epoch)
        checksum.add(self.settled)
        checksum.add(self.accepted)
        checksum.add(self.resumes ? 1 : 0)
        checksum.add(self.lastUse)
        // Nothing for anonymous: rows from before there were others have the checksum that they had.
        checksum.add(self.principal)
        return checksum.value
    }

    /// Reads a row; `nil` if its checksum does not fit what it says.
    init?(_ row: Row) {
        let name: String = row[1]
        let epoch: Int64 = row[2]
        let settled: Int64 = row[3]
        let accepted: Data = row[4]
        let resumes: Int64 = row[5]
        let lastUse: Int64 = row[6]
        let principal: String = row[8]
        self.init(
            id: row[0],
            principal: Array(principal.utf8),
            name: Array(name.utf8),
            epoch: UInt64(clamping: epoch),
            settled: UInt64(clamping: settled),
            accepted: Array(accepted),
            resumes: resumes != 0,
            lastUse: UInt64(clamping: lastUse)
        )
        let checksum: Int64 = row[7]
        guard checksum == self.checksum else { return nil }
    }
}

/// How a publish with `once` stands in the table.
extension OnceRow {
    static let insert = """
        INSERT INTO once (id, topic, once, content, time, checksum, principal) VALUES (?, ?, ?, ?, ?, ?, ?)
        """

    var arguments: StatementArguments {
        [
            self.id, String(decoding: self.topic, as: UTF8.self), String(decoding: self.once, as: UTF8.self),
            Int64(bitPattern: self.content), Int64(self.time), self.checksum,
            String(decoding: self.principal, as: UTF8.self),
        ]
    }

    private var checksum: Int64 {
        var checksum = Checksum()
        checksum.add(self.topic)
        checksum.add(UInt64(self.once.count))
        checksum.add(self.once)
        checksum.add(self.content)
        checksum.add(self.time)
        // As for a producer.
        checksum.add(self.principal)
        return checksum.value
    }

    /// Reads a row; `nil` if its checksum does not fit what it says.
    init?(_ row: Row) {
        let topic: String = row[1]
        let once: String = row[2]
        let content: Int64 = row[3]
        let time: Int64 = row[4]
        let principal: String = row[6]
        self.init(
            id: row[0],
            principal: Array(principal.utf8),
            topic: Array(topic.utf8),
            once: Array(once.utf8),
            content: UInt64(bitPattern: content),
            time: UInt64(clamping: time)
        )
        let checksum: Int64 = row[5]
        guard checksum == self.checksum else { return nil }
    }
}
