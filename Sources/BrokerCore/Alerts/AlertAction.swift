import BrokerWire

/// What an alert publishes when it is raised or clears.
package struct AlertAction: Hashable, Sendable {
    /// The topic, with `{key}` in the place of a level.
    package var topic: TopicTemplate
    package var data: AlertText
    /// Whether the message is kept for those who come later.
    package var retains: Bool

    package init(topic: TopicTemplate, data: AlertText, retains: Bool = true) {
        self.topic = topic
        self.data = data
        self.retains = retains
    }

    /// Whether it has to know which key it is about.
    package var needsKey: Bool { self.topic.hasKey || self.data.placeholders.contains(.key) }
}

/// JSON with places for what an alert has to say: `{"text":"{key} draws {value} kW"}`.
package struct AlertText: Hashable, Sendable {
    package enum Placeholder: String, CaseIterable, Hashable, Sendable {
        case key
        case value
        case limit
    }

    private enum Part: Hashable, Sendable {
        case text([UInt8])
        /// Inside of a string.
        case inside(Placeholder)
        /// In the place of a whole string: a number stays a number.
        case whole(Placeholder)
    }

    private var parts: [Part] = []

    /// Reads well-formed JSON.
    package init(_ json: [UInt8]) {
        var text: [UInt8] = []
        var index = 0
        var isInString = false
        while index < json.count {
            let byte = json[index]
            if !isInString, let (placeholder, count) = Self.placeholder(in: json, at: index, quoted: true) {
                // The name of a member stays a string, whatever it is.
                let isName = json[(index + count)...].first { $0 != UInt8(ascii: " ") } == UInt8(ascii: ":")
                if isName { text.append(UInt8(ascii: "\"")) }
                self.flush(&text)
                self.parts.append(isName ? .inside(placeholder) : .whole(placeholder))
                if isName { text.append(UInt8(ascii: "\"")) }
                index += count
                continue
            }
            if isInString, let (placeholder, count) = Self.placeholder(in: json, at: index, quoted: false) {
                self.flush(&text)
                self.parts.append(.inside(placeholder))
                index += count
                continue
            }
            text.append(byte)
            index += 1
            if byte == UInt8(ascii: "\"") {
                isInString.toggle()
            } else if isInString, byte == UInt8(ascii: "\\"), index < json.count {
                text.append(json[index])
                index += 1
            }
        }
        self.flush(&text)
    }

    private mutating func flush(_ text: inout [UInt8]) {
        if !text.isEmpty { self.parts.append(.text(text)) }
        text = []
    }

    private static func placeholder(in json: [UInt8], at index: Int, quoted: Bool) -> (Placeholder, Int)? {
        for placeholder in Placeholder.allCases {
            let wanted = Array((quoted ? "\"{\(placeholder.rawValue)}\"" : "{\(placeholder.rawValue)}").utf8)
            if json[index...].starts(with: wanted) { return (placeholder, wanted.count) }
        }
        return nil
    }

    package var placeholders: Set<Placeholder> {
        Set(
            self.parts.compactMap { part in
                switch part {
                case .text: nil
                case .inside(let placeholder), .whole(let placeholder): placeholder
                }
            }
        )
    }

    /// The JSON for one transition.
    func json(for transition: AlertTransition) -> [UInt8] {
        var json: [UInt8] = []
        for part in self.parts {
            switch part {
            case .text(let text): json += text
            case .whole(let placeholder): json += transition.json(of: placeholder)
            case .inside(let placeholder):
                let value = transition.json(of: placeholder)
                let isString = value.first == UInt8(ascii: "\"")
                json += isString ? Array(value.dropFirst().dropLast()) : value
            }
        }
        return json
    }
}

extension AlertTransition {
    /// What stands for a placeholder, as JSON of its own.
    fileprivate func json(of placeholder: AlertText.Placeholder) -> [UInt8] {
        switch placeholder {
        case .key: Self.string(self.key)
        case .value: self.value.map { Array("\($0)".utf8) } ?? Array("null".utf8)
        case .limit: Array(self.limit.utf8)
        }
    }

    private static func string(_ text: [UInt8]) -> [UInt8] {
        var json: [UInt8] = []
        JSONString.append(String(decoding: text, as: UTF8.self), to: &json)
        return json
    }

    /// What stands beside the data of everything that it publishes.
    var sibling: [UInt8] {
        var json = Array(",\"alert\":{\"name\":".utf8)
        JSONString.append(self.name, to: &json)
        if !self.key.isEmpty { json += Array(",\"key\":".utf8) + self.json(of: .key) }
        json += Array(",\"state\":\"\(self.isRaised ? "raised" : "cleared")\",\"value\":".utf8)
        json += self.json(of: .value)
        json += Array(",\"limit\":\(self.limit),\"n\":\(self.number)}".utf8)
        return json
    }
}
