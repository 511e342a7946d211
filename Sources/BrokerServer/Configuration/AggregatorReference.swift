import BrokerAggregation

/// The reference of all aggregators, for `docs/aggregation.md` and `wsbroker aggregators`.
enum AggregatorReference {
    static func text(_ descriptors: [AggregatorDescriptor]) -> String {
        descriptors.map { descriptor in
            var lines = ["\(descriptor.name): \(descriptor.summary)"]
            lines.append("    takes \(Self.form(of: descriptor.input)), gives \(descriptor.output)")
            if !descriptor.traits.names.isEmpty {
                lines.append("    is \(descriptor.traits.names.joined(separator: ", "))")
            }
            lines += descriptor.parameters.map { parameter in
                "    \(parameter.name): \(parameter.form)\(Self.standard(parameter)). \(parameter.summary)"
            }
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private static func standard(_ parameter: AggregatorDescriptor.Parameter) -> String {
        parameter.standard.map { ", \($0) if it is not given" } ?? ", has to be given"
    }

    static func markdown(_ descriptors: [AggregatorDescriptor]) -> String {
        descriptors.map { descriptor in
            var lines = ["### `\(descriptor.name)`", descriptor.summary, ""]
            lines.append("Takes \(Self.form(of: descriptor.input)). Gives, for example:")
            lines += ["```", descriptor.output, "```"]
            if !descriptor.traits.names.isEmpty {
                lines.append("It is \(descriptor.traits.names.joined(separator: ", ")).")
            }
            guard !descriptor.parameters.isEmpty else { return lines.joined(separator: "\n") }
            lines += ["", "| parameter | default | |", "|---|---|---|"]
            lines += descriptor.parameters.map { parameter in
                let standard = parameter.standard.map { "`\($0)`" } ?? "has to be given"
                return "| `\(parameter.name)` | \(standard) | \(parameter.form). \(parameter.summary) |"
            }
            return lines.joined(separator: "\n")
        }.joined(separator: "\n\n")
    }

    private static func form(of input: AggregatorDescriptor.Input) -> String {
        switch input {
        case .number: "a number"
        case .label: "the rule's `key`, or else a string or a number to tell publishes apart by"
        case .labelledNumber: "a number, and the rule's `key`"
        case .anything: "anything"
        }
    }
}
