import BrokerWire
import Testing

@Suite("Topic error")
struct TopicErrorTests {
    @Test(
        arguments: [
            (TopicError.empty, "is empty"),
            (.tooLong(limit: 255), "is longer than 255 bytes"),
            (.tooManyLevels(limit: 32), "has more than 32 levels"),
            (.emptyLevel, "has an empty level"),
            (.wildcard, "holds a wildcard, which only a subscription may"),
            (
                .misplacedWildcard,
                "has a misplaced wildcard: '+' stands alone in its level, '#' alone in the last one"
            ),
            (.blankOrControl, "holds white space or a control character"),
            (.reserved, "has a level that begins with '$', which is reserved for the broker"),
            (.notUTF8, "is not UTF-8"),
        ])
    func theTextCompletesASentenceAboutTheTopic(error: TopicError, text: String) {
        #expect(error.description == text)
    }
}
