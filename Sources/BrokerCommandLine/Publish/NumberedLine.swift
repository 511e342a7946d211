import BrokerClient

/// What becomes of a line whose number is that of its publish.
///
/// A producer's numbers must not leave a gap, so each line uses its number up, whatever it holds. What is not JSON is
/// sent as a JSON string, as always, and the topic's rule says what it thinks of that. For what can not be sent at all
/// (an empty line, one that is too long or no UTF-8) a publish is sent that every broker refuses and that changes
/// nothing. Sending something else in its place, such as `null`, would count where the topic takes any value.
enum NumberedLine: Hashable {
    case publish(PublishRecord)
    /// Uses the number up; `reason` says why nothing can be published, unless there was nothing to publish.
    case passOver(reason: String?)
    /// It has its verdict.
    case settled
    /// It was passed over in an earlier run, and would be again.
    case passedOver(reason: String?)

    /// - `format`: What a line is.
    /// - `needsTopic`: Whether each has to say where it goes.
    /// - `position`: Where the last run stopped.
    init(
        _ line: LineSplitter.Line,
        as format: RecordFormat = .lines,
        needsTopic: Bool = false,
        bytesMax: Int,
        after position: ProducerPosition
    ) {
        let isNew = line.number >= position.next
        guard isNew || position.refused.contains(line.number) else {
            self = .settled
            return
        }
        let reason: String?
        switch line.bytes {
        case nil:
            reason = "longer than \(bytesMax) bytes"
        case .some(let bytes) where bytes.isEmpty:
            reason = nil
        case .some(let bytes):
            do throws(PayloadError) {
                let record = try PublishRecord(bytes, as: format)
                guard record.topic != nil || !needsTopic else { throw PublishRecord.withoutTopic }
                self = .publish(record)
                return
            } catch {
                reason = error.reason
            }
        }
        self = isNew ? .passOver(reason: reason) : .passedOver(reason: reason)
    }
}
