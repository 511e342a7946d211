package import BrokerWire

/// One connection, for whoever looks after the broker.
package struct ConnectionDescription: Hashable, Sendable {
    package var session: SessionID
    package var peer: PeerDescription
    /// When it began, in milliseconds since 1970.
    package var since: UInt64
    package var subscriptions: Int
    package var published: UInt64
    /// How much waits for it.
    package var outboxBytes: Int
    /// Requests without an answer.
    package var unanswered: Int
    // What the core adds.
    package var principal = ""
    package var producer: String?
}

extension Hub {
    /// What is known here of every connection but the broker's own questions to itself.
    package var connections: [ConnectionDescription] {
        var connections: [ConnectionDescription] = []
        self.forEachSession { session in
            guard var peer = session.connection?.peer else { return }
            peer.client = session.client
            connections.append(
                ConnectionDescription(
                    session: session.id,
                    peer: peer,
                    since: session.since,
                    subscriptions: session.filters.count,
                    published: session.published,
                    outboxBytes: session.pendingBytes,
                    unanswered: session.unacknowledgedMessages
                )
            )
        }
        return connections
    }

    /// Ends a connection for a reason that its client is told; returns whether there is such a connection.
    package func end(_ id: SessionID, _ code: CloseCode, reason: String) -> Bool {
        guard let session = self.session(id), let connection = session.connection, connection.peer != nil else {
            return false
        }
        connection.close(code, reason: reason)
        return true
    }
}

extension Broker {
    /// Adds what only the core knows.
    package func describe(_ connections: [ConnectionDescription]) -> [ConnectionDescription] {
        connections.map { connection in
            var connection = connection
            let session = self.existingSession(connection.session)
            connection.principal = (session?.principal ?? self.anonymous).name
            // A claim that is not committed yet is nobody's business.
            if let producer = session?.producer, producer.isStored {
                connection.producer = String(decoding: producer.name, as: UTF8.self)
            }
            return connection
        }
    }
}
