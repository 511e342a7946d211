import BrokerWire

/// Reads what the broker says of a producer in its `welcome`: `{"name","epoch","next","refused","regressed"}`.
struct ProducerScanner {
    private let text: UnsafeRawBufferPointer
    private var json: JSONSkipper

    private init(_ text: UnsafeRawBufferPointer) {
        self.text = text
        self.json = JSONSkipper(text, depthMax: WireLimits.jsonDepthCeiling)
    }

    /// The position that `text`, which is one JSON value, tells of; `nil` if it tells of none.
    static func position(in text: UnsafeRawBufferPointer) -> ProducerPosition? {
        var scanner = Self(text)
        guard let members = try? scanner.members(),
            let epoch = scanner.integer(members["epoch"]), epoch > 0,
            let next = scanner.integer(members["next"]), next > 0
        else { return nil }
        var position = ProducerPosition(epoch: epoch, next: next)
        if let refused = members["refused"] { position.refused = scanner.integers(refused) }
        if let text = members["regressed"] {
            var inner = Self(UnsafeRawBufferPointer(rebasing: scanner.text[text]))
            if let members = try? inner.members(), let from = inner.integer(members["from"]),
                let to = inner.integer(members["to"])
            {
                position.regressed = ProducerPosition.Regression(from: from, to: to)
            }
        }
        return position
    }

    /// The members of an object by name, each as the range of its value.
    private mutating func members() throws(JSONSkipper.Problem) -> [String: Range<Int>] {
        guard self.json.current == UInt8(ascii: "{") else { throw self.json.syntax() }
        var members: [String: Range<Int>] = [:]
        self.json.index += 1
        self.json.skipBlank()
        while self.json.current == UInt8(ascii: "\"") {
            let start = self.json.index + 1
            _ = try self.json.skipString()
            let name = String(decoding: self.text[start..<self.json.index - 1], as: UTF8.self)
            self.json.skipBlank()
            self.json.index += 1
            self.json.skipBlank()
            let valueStart = self.json.index
            try self.json.skipValue()
            members[name] = valueStart..<self.json.index
            self.json.skipBlank()
            if self.json.current == UInt8(ascii: ",") { self.json.index += 1 }
            self.json.skipBlank()
        }
        return members
    }

    private func integer(_ range: Range<Int>?) -> UInt64? {
        guard let range else { return nil }
        let value = UInt64(String(decoding: self.text[range], as: UTF8.self))
        return value.flatMap { $0 <= WireLimits.integerMax ? $0 : nil }
    }

    /// The numbers of an array, in order; what is none counts as absent.
    private func integers(_ range: Range<Int>) -> [UInt64] {
        guard self.text[range].first == UInt8(ascii: "[") else { return [] }
        return self.text[range].dropFirst().dropLast()
            .split(separator: UInt8(ascii: ","))
            .compactMap { item in
                UInt64(String(decoding: item.filter { $0 > 0x20 }, as: UTF8.self))
            }
            .sorted()
    }
}
