import BrokerCore
import BrokerTransport
import BrokerWire
import HTTPTypes
import Hummingbird
import NIOCore

/// Asks the broker for somebody who speaks HTTP, and makes HTTP of what it answers.
struct BrokerQuestions: Sendable {
    let loops: EventLoops
    let limits: TopicLimits

    /// The most topics of one list, and how many there are where nobody says.
    static let listMax = 1000
    static let listDefault = 100

    /// What an answer says, or the response that says why there is none.
    func ask(_ question: LocalQuestion, as identity: Identity) async -> Result<ByteBuffer, HTTPRefusal> {
        do {
            let answer = try await self.loops.ask(question, as: identity)
            return answer.isRefusal ? .failure(HTTPRefusal(json: answer.json)) : .success(answer.json)
        } catch {
            return .failure(HTTPRefusal(Refusal(.restarting, "the broker stops")))
        }
    }

    /// `GET /topics?filter=F&limit=N&after=TOPIC`
    func list(_ query: QueryString, as identity: Identity) async -> Response {
        switch self.command(query) {
        case .failure(let refusal): return refusal.response
        case .success(let command):
            switch await self.ask(.command(command), as: identity) {
            case .failure(let refusal): return refusal.response
            case .success(let json): return .json(.ok, json)
            }
        }
    }

    private func command(_ query: QueryString) -> Result<TopicCommand, HTTPRefusal> {
        let filter: TopicFilter
        switch self.filter(query["filter"] ?? [UInt8(ascii: "#")]) {
        case .failure(let refusal): return .failure(refusal)
        case .success(let found): filter = found
        }
        var limit = Self.listDefault
        if let text = query.text("limit") {
            guard let number = Int(text), (1...Self.listMax).contains(number), text.utf8.allSatisfy({ $0 != 0x2B })
            else {
                let reason = "'limit' is a whole number from 1 to \(Self.listMax)"
                return .failure(HTTPRefusal(Refusal(.badEnvelope, reason)))
            }
            limit = number
        }
        return .success(.list(filter: filter, limit: limit, after: query["after"] ?? []))
    }

    func filter(_ bytes: [UInt8]) -> Result<TopicFilter, HTTPRefusal> {
        do throws(TopicError) {
            return .success(try TopicFilter(bytes: bytes, limits: self.limits))
        } catch {
            return .failure(HTTPRefusal(Refusal(.badFilter, "'filter' \(error)")))
        }
    }

    func topic(_ bytes: [UInt8]) -> Result<[UInt8], HTTPRefusal> {
        do throws(TopicError) {
            return .success(try Topic(bytes: bytes, limits: self.limits).bytes)
        } catch .reserved {
            return .failure(HTTPRefusal(Refusal(.forbidden, "'topic' \(TopicError.reserved)")))
        } catch {
            return .failure(HTTPRefusal(Refusal(.badTopic, "'topic' \(error)")))
        }
    }
}
