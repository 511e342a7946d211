import Foundation

/// Looks into messages, with a JSON parser that is not ours.
package enum JSONField {
    package static func integer(_ name: String, in message: String) -> Int? {
        (Self.object(message)?[name] as? NSNumber)?.intValue
    }

    package static func string(_ name: String, in message: String) -> String? { Self.object(message)?[name] as? String }

    private static func object(_ message: String) -> [String: Any]? {
        (try? JSONSerialization.jsonObject(with: Data(message.utf8))) as? [String: Any]
    }
}
