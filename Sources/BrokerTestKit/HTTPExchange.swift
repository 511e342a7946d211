import Foundation

/// One request over a connection of its own, byte for byte, and what is answered.
package struct HTTPExchange: Sendable {
    package let status: Int
    /// By their names in lower case.
    package let headers: [String: String]
    package let body: String

    package static func send(
        _ line: String,
        _ fields: [String: String] = [:],
        body: String? = nil,
        port: Int
    ) async throws -> HTTPExchange {
        try await WireClient.runRaw(port: port) { client async throws in
            try await client.send(raw: Array(Self.text(line, fields, body).utf8))
            return Self(await client.rest())
        }
    }

    /// A request as it goes over the wire.
    package static func text(_ line: String, _ fields: [String: String] = [:], _ body: String? = nil) -> String {
        var fields = fields
        if fields["Host"] == nil { fields["Host"] = "localhost" }
        if fields["Connection"] == nil { fields["Connection"] = "close" }
        if let body {
            fields["Content-Length"] = "\(body.utf8.count)"
            if fields["Content-Type"] == nil { fields["Content-Type"] = "application/json" }
        }
        let head = fields.sorted { $0.key < $1.key }.map { "\($0.key): \($0.value)\r\n" }.joined()
        return "\(line) HTTP/1.1\r\n\(head)\r\n\(body ?? "")"
    }

    private init(_ answer: String) {
        let parts = answer.components(separatedBy: "\r\n\r\n")
        let lines = parts[0].components(separatedBy: "\r\n")
        let words = lines[0].components(separatedBy: " ")
        self.status = words.count > 1 ? Int(words[1]) ?? 0 : 0
        var headers: [String: String] = [:]
        for line in lines.dropFirst() {
            let pair = line.components(separatedBy: ": ")
            headers[pair[0].lowercased()] = pair.dropFirst().joined(separator: ": ")
        }
        self.headers = headers
        self.body = parts.dropFirst().joined(separator: "\r\n\r\n")
    }
}
