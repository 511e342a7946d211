import BrokerWire

/// Whether some bytes can stand as the value of a publish.
///
/// What is not exactly one JSON value would turn the request around it into another one or into none, and bytes that
/// are not UTF-8 would cost the connection, so neither may leave the client.
package enum JSONCheck {
    package enum Problem: Hashable {
        case notUTF8
        case syntax(at: Int)
        case tooDeep(limit: Int)
    }

    /// Why `text` is not one JSON value, or `nil` if it is.
    package static func problem(in text: UnsafeRawBufferPointer) -> Problem? {
        var validator = UTF8Validator()
        guard validator.accept(text), validator.isComplete else { return .notUTF8 }
        var json = JSONSkipper(text, depthMax: WireLimits.jsonDepthCeiling)
        do throws(JSONSkipper.Problem) {
            json.skipBlank()
            try json.skipValue()
            json.skipBlank()
        } catch {
            switch error {
            case .syntax(let index): return .syntax(at: index)
            case .tooDeep(let limit): return .tooDeep(limit: limit)
            }
        }
        return json.isAtEnd ? nil : .syntax(at: json.index)
    }
}

extension JSONCheck.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .notUTF8: "it is not UTF-8"
        case .syntax(let index): "it is not JSON at byte \(index)"
        case .tooDeep(let limit): "it is nested deeper than \(limit) levels"
        }
    }
}
