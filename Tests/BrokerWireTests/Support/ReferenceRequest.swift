import BrokerWire

/// The protocol's rules for a request, one by one and slowly, over the reference's JSON: the scanner is compared
/// with it.
struct ReferenceRequest {
    enum Verdict: Equatable {
        /// The raw texts of the fields that are kept as ranges, and the plain values.
        case accepted(Fields)
        /// `id` is only promised where the message could be read to its end.
        case refused(ErrorCode, field: String, id: String?)
    }

    struct Fields: Equatable {
        var operation: Request.Operation?
        var id: [UInt8] = []
        var topic: [UInt8] = []
        var data: [UInt8] = []
        var once: [UInt8] = []
        var seq: UInt64?
        var version: UInt64?
        var mode: Request.Mode?
        var maxRate = 0.0
        var retain = false
        var echo = true
        var wantsRetained = true
        var sinceEpoch: [UInt8] = []
        var sinceOffset: UInt64 = 0
        var hasProducer = false
    }

    private var fields = Fields()
    private var seen: Set<String> = []
    private var problem: (code: ErrorCode, field: String)?

    static func judge(_ message: [UInt8]) -> Verdict {
        guard let json = ReferenceJSON.parse(message) else { return .refused(.badJSON, field: "", id: nil) }
        guard case .object(let members) = json.value else {
            return .refused(json.depth > 32 ? .badJSON : .badEnvelope, field: "", id: json.depth > 32 ? nil : "")
        }
        guard members.allSatisfy({ $0.value.depth <= 32 }) else { return .refused(.badJSON, field: "", id: nil) }
        var reference = Self()
        for (index, member) in members.enumerated() {
            if index == 32 { reference.fail(.badEnvelope, "") }
            reference.take(String(decoding: member.name, as: UTF8.self), member.value)
        }
        reference.checkOperation()
        guard let problem = reference.problem else { return .accepted(reference.fields) }
        let id = String(decoding: reference.fields.id, as: UTF8.self)
        return .refused(problem.code, field: problem.field, id: id)
    }

    private mutating func fail(_ code: ErrorCode, _ field: String) {
        if self.problem == nil { self.problem = (code, field) }
    }

    private mutating func take(_ name: String, _ json: ReferenceJSON) {
        let known: Set = [
            "op", "id", "topic", "data", "retain", "seq", "once", "mode", "maxRate", "echo", "retained", "since", "v",
            "token", "client", "producer",
        ]
        guard known.contains(name) else { return }
        if !self.seen.insert(name).inserted { self.fail(.badJSON, name) }
        switch name {
        case "data": self.fields.data = json.source
        case "retain": self.fields.retain = self.boolean(json, name) ?? false
        case "echo": self.fields.echo = self.boolean(json, name) ?? true
        case "retained": self.fields.wantsRetained = self.boolean(json, name) ?? true
        case "seq": self.fields.seq = self.integer(json, name, from: 1)
        case "v": self.fields.version = self.integer(json, name, from: 0)
        case "topic": self.fields.topic = self.string(json, name) ?? []
        case "client": _ = self.string(json, name)
        case "token": if self.string(json, name)?.isEmpty == true { self.fail(.badEnvelope, name) }
        case "id": self.takeID(json)
        case "since": self.takeSince(json)
        case "producer": self.takeProducer(json)
        default: self.takeRestricted(name, json)
        }
    }

    /// The fields whose values are few.
    private mutating func takeRestricted(_ name: String, _ json: ReferenceJSON) {
        switch name {
        case "maxRate":
            guard case .number = json.value, let rate = Double(String(decoding: json.source, as: UTF8.self)),
                json.source.count <= 32, (0.001...1_000_000).contains(rate)
            else { return self.fail(.badEnvelope, name) }
            self.fields.maxRate = rate
        case "once":
            guard let once = self.string(json, name) else { return }
            guard (1...64).contains(once.count) else { return self.fail(.badEnvelope, name) }
            self.fields.once = once
        case "mode":
            let modes: [String: Request.Mode] = ["latest": .latest, "all": .all]
            guard let text = self.string(json, name) else { return }
            guard let mode = modes[String(decoding: text, as: UTF8.self)] else { return self.fail(.badEnvelope, name) }
            self.fields.mode = mode
        default:
            let operations: [String: Request.Operation] = [
                "hello": .hello, "sub": .subscribe, "unsub": .unsubscribe, "pub": .publish, "get": .get,
                "reset": .reset, "ping": .ping,
            ]
            guard let text = self.string(json, name) else { return }
            guard let operation = operations[String(decoding: text, as: UTF8.self)] else {
                return self.fail(.badEnvelope, name)
            }
            self.fields.operation = operation
        }
    }

    private mutating func takeID(_ json: ReferenceJSON) {
        if case .string = json.value {
            guard json.source.count <= 66 else { return self.fail(.badEnvelope, "id") }
        } else if self.integer(json, "id", from: 0) == nil {
            return
        }
        self.fields.id = json.source
    }

    private mutating func takeProducer(_ json: ReferenceJSON) {
        self.fields.hasProducer = true
        guard case .object(let members) = json.value else { return self.fail(.badEnvelope, "producer") }
        var found: Set<String> = []
        for member in members {
            let name = String(decoding: member.name, as: UTF8.self)
            guard ["name", "epoch", "resume", "acked"].contains(name) else { continue }
            if !found.insert(name).inserted { self.fail(.badJSON, "producer.\(name)") }
            switch name {
            case "name": _ = self.string(member.value, "producer.name")
            case "epoch": _ = self.integer(member.value, "producer.epoch", from: 1)
            case "resume": _ = self.boolean(member.value, "producer.resume")
            default: _ = self.integer(member.value, "producer.acked", from: 0)
            }
        }
    }

    private mutating func takeSince(_ json: ReferenceJSON) {
        guard case .object(let members) = json.value else { return self.fail(.badEnvelope, "since") }
        var found: Set<String> = []
        for member in members {
            let name = String(decoding: member.name, as: UTF8.self)
            guard ["epoch", "offset"].contains(name) else { continue }
            if !found.insert(name).inserted { self.fail(.badJSON, "since.\(name)") }
            if name == "epoch" {
                self.fields.sinceEpoch = self.string(member.value, "since.epoch") ?? []
            } else {
                self.fields.sinceOffset = self.integer(member.value, "since.offset", from: 0) ?? 0
            }
        }
        if found.count < 2 || self.fields.sinceEpoch.isEmpty { self.fail(.badEnvelope, "since") }
    }

    private mutating func string(_ json: ReferenceJSON, _ name: String) -> [UInt8]? {
        if case .string(let text) = json.value { return text }
        self.fail(.badEnvelope, name)
        return nil
    }

    private mutating func boolean(_ json: ReferenceJSON, _ name: String) -> Bool? {
        if case .boolean(let value) = json.value { return value }
        self.fail(.badEnvelope, name)
        return nil
    }

    private mutating func integer(_ json: ReferenceJSON, _ name: String, from lowest: UInt64) -> UInt64? {
        let text = String(decoding: json.source, as: UTF8.self)
        if case .number = json.value, text.allSatisfy(\.isNumber), let value = UInt64(text),
            (lowest...9_007_199_254_740_991).contains(value)
        {
            return value
        }
        self.fail(.badEnvelope, name)
        return nil
    }

    private mutating func checkOperation() {
        guard self.seen.contains("op") else { return self.fail(.badEnvelope, "op") }
        guard self.problem == nil, let operation = self.fields.operation else { return }
        if operation == .publish {
            if !self.seen.contains("data") { self.fail(.badEnvelope, "data") }
            if self.fields.seq != nil, !self.fields.id.isEmpty { self.fail(.badEnvelope, "seq") }
        }
        guard ![.hello, .ping].contains(operation) else { return }
        guard self.seen.contains("topic") else { return self.fail(.badEnvelope, "topic") }
        let isFilter = [.subscribe, .unsubscribe].contains(operation)
        do throws(TopicError) {
            if isFilter {
                _ = try TopicFilter(bytes: self.fields.topic)
            } else {
                // Who only asks may ask for a topic of the broker's own.
                let isOwn = operation == .get && self.fields.topic.first == UInt8(ascii: "$")
                _ = try Topic(bytes: isOwn ? [UInt8(ascii: "x")] + self.fields.topic.dropFirst() : self.fields.topic)
            }
        } catch {
            self.fail(error == .reserved ? .forbidden : isFilter ? .badFilter : .badTopic, "topic")
        }
        if isFilter, self.fields.mode == .all, self.fields.maxRate > 0 { self.fail(.badEnvelope, "maxRate") }
    }
}
