import Testing

@testable import BrokerClient

@Suite("Producer scanner")
struct ProducerScannerTests {
    private func position(_ text: String) -> ProducerPosition? {
        text.bytes.withUnsafeBytes { ProducerScanner.position(in: $0) }
    }

    @Test func itReadsWhereTheProducerStands() {
        #expect(
            self.position(#"{"name":"m","epoch":702314415,"next":1044}"#)
                == ProducerPosition(epoch: 702_314_415, next: 1044)
        )
        let all = #" "epoch" : 7 , "x":{"next":1}, "refused" : [ 3 , 12,5 ],"next":20,"regressed":{"from":19,"to":12}"#
        #expect(
            self.position("{\(all)}")
                == ProducerPosition(epoch: 7, next: 20, refused: [3, 5, 12], regressed: .init(from: 19, to: 12))
        )
        #expect(self.position(#"{"epoch":1,"next":1,"refused":[]}"#) == ProducerPosition(epoch: 1, next: 1))
    }

    @Test(arguments: [
        "null", "{}", "[]", "7", #"{"epoch":1}"#, #"{"next":1}"#, #"{"epoch":0,"next":1}"#, #"{"epoch":1,"next":0}"#,
        #"{"epoch":"1","next":1}"#, #"{"epoch":1,"next":18446744073709551615}"#, #"{"epoch":1,"next":1.5}"#,
        #"{"epoch""#,
    ])
    func whatTellsNoPositionIsNone(text: String) {
        #expect(self.position(text) == nil)
    }

    @Test func numbersAndVerdictsOfAPosition() {
        let position = ProducerPosition(epoch: 1, next: 2001, refused: [1500])
        #expect(position.verdict(on: 2001) == .none)
        #expect(position.verdict(on: 2000) == .accepted)
        #expect(position.verdict(on: 1500) == .refused)
        #expect(position.verdict(on: 977) == .accepted)
        #expect(position.verdict(on: 976) == .forgotten)
    }
}
