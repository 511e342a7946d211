// FoundationEssentials for JSON.
import FoundationEssentials
import HTTPTypes
import Hummingbird
import NIOCore

extension Response {
    /// An answer with a JSON document and the end of its line.
    static func json(_ status: HTTPResponse.Status, _ json: ByteBuffer) -> Response {
        var body = json
        body.writeInteger(UInt8(ascii: "\n"))
        return Response(status: status, headers: [.contentType: "application/json"], body: .init(byteBuffer: body))
    }

    static func json(_ status: HTTPResponse.Status, _ text: String) -> Response {
        Self.json(status, ByteBuffer(string: text))
    }

    static func json(_ status: HTTPResponse.Status, encoding content: some Encodable) -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Self.json(status, ByteBuffer(bytes: (try? encoder.encode(content)) ?? Data("{}".utf8)))
    }
}
