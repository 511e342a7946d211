import BrokerWire

/// The ways of a case through the broker's readers.
enum JSONGrammarReading {
    /// Passes `bytes` as a whole document, blanks around one value; the result is where the value is.
    static func document(_ bytes: [UInt8]) -> Result<Range<Int>, JSONSkipper.Problem> {
        bytes.withUnsafeBytes { buffer in
            var skipper = JSONSkipper(buffer)
            do throws(JSONSkipper.Problem) {
                skipper.skipBlank()
                let start = skipper.index
                try skipper.skipValue()
                let end = skipper.index
                skipper.skipBlank()
                guard skipper.isAtEnd else { throw skipper.syntax() }
                return .success(start..<end)
            } catch {
                return .failure(error)
            }
        }
    }

    static func isDocument(_ bytes: [UInt8]) -> Bool {
        if case .success = Self.document(bytes) { true } else { false }
    }

    /// Whether the message assembler would let `bytes` through.
    static func isText(_ bytes: [UInt8]) -> Bool {
        var validator = UTF8Validator()
        return bytes.withUnsafeBytes { validator.accept($0) } && validator.isComplete
    }

    // MARK: Envelopes

    static let front = Array(#"{"op":"pub","id":1,"topic":"t","data":"#.utf8)

    /// `data` in a publish, as the last field.
    static func envelope(_ data: [UInt8]) -> [UInt8] { Self.front + data + Array("}".utf8) }

    /// `data` in a publish, as the first field.
    static func envelopeInFront(_ data: [UInt8]) -> [UInt8] {
        Array(#"{"data":"#.utf8) + data + Array(#","topic":"t","op":"pub","id":1}"#.utf8)
    }

    static func scan(_ message: [UInt8]) -> Result<ScannedRequest, ScannedRefusal> {
        do throws(ScannedRefusal) {
            return .success(try ScannedRequest.scan(message))
        } catch {
            return .failure(error)
        }
    }

    /// The code of the refusal of `message`, or `nil` if it is a request.
    static func code(_ message: [UInt8]) -> ErrorCode? {
        if case .failure(let refusal) = Self.scan(message) { refusal.code } else { nil }
    }

    static func code(_ message: String) -> ErrorCode? { Self.code(Array(message.utf8)) }
}

extension ScannedRefusal {
    /// The place that the reason ends with.
    var place: Int? { self.reason.split(separator: " ").last.flatMap { Int($0) } }
}
