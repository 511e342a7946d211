import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("The live screen of wssub")
struct WatchScreenTests {
    private static let size = SystemCall.TerminalSize(columns: 72, lines: 6)

    private func message(_ topic: String, _ offset: UInt64, _ data: String, isRetained: Bool = false) throws -> Message
    {
        Message(topic: try Topic(topic), offset: offset, data: Array(data.utf8), isRetained: isRetained)
    }

    private func screen(
        _ screen: WatchScreen,
        at time: Duration,
        _ size: SystemCall.TerminalSize = Self.size
    ) -> [String] {
        screen.lines(size, at: time).map { line in
            var line = line
            while line.last == " " { line.removeLast() }
            return line
        }
    }

    @Test func aTopicHasALineWithItsValueItsRateItsAgeAndItsCourse() throws {
        var screen = WatchScreen(title: "h:1")
        screen.take([try self.message("b", 9, #""on""#, isRetained: true)], at: .zero)
        for second in 1...5 {
            let time = Duration.seconds(second)
            screen.take([try self.message("a", UInt64(second * 10), "\(second)")], at: time)
            screen.advance(to: time)
        }
        #expect(
            self.screen(screen, at: .seconds(8)) == [
                " h:1 · 2 topics · q ends",
                " TOPIC                  VALUE  CHANGES/S    AGE",
                " a                          5       10.0     3s                   ▁▃▅▆█",
                " b                         on          -      -",
                "",
                "",
            ]
        )
    }

    @Test func beforeTheFirstMessageItSaysThatItWaits() {
        let lines = self.screen(WatchScreen(title: "h:1"), at: .zero)
        #expect(lines[2] == "  waiting for the first message")
        #expect(lines.count == 6)
    }

    @Test func theScreenIsAsLargeAsTheTerminal() throws {
        var screen = WatchScreen(title: "host.example:8181")
        for number in 0..<100 { screen.take([try self.message("topic/\(number)", 1, "1")], at: .zero) }
        for columns in [1, 2, 10, 40, 60, 80, 300] {
            for lines in [1, 2, 3, 24, 200] {
                let shown = screen.lines(.init(columns: columns, lines: lines), at: .zero)
                #expect(shown.count == lines)
                #expect(shown.allSatisfy { TerminalText.width($0) == columns })
            }
        }
    }

    @Test func keysMoveItWithinWhatThereIs() throws {
        var screen = WatchScreen(title: "t")
        for number in 0..<10 { screen.take([try self.message("t\(number)", 1, "1")], at: .zero) }
        func first(_ keys: WatchScreen.Key...) -> String {
            for key in keys { screen.press(key, lines: 6) }
            return String(self.screen(screen, at: .zero)[2].dropFirst().prefix(2))
        }
        #expect(first() == "t0")
        #expect(first(.up) == "t0")
        #expect(first(.down, .down) == "t2")
        #expect(first(.pageDown) == "t6")
        #expect(first(.pageDown) == "t6")
        #expect(first(.pageUp) == "t2")
        #expect(first(.end) == "t6")
        #expect(self.screen(screen, at: .zero)[0].contains("10 topics · 7 to 10"))
        #expect(first(.home) == "t0")
    }

    @Test func aValueCanNotMoveTheCursor() throws {
        var screen = WatchScreen(title: "t")
        screen.take([try self.message("a", 1, #""\u001b[2J\u0007x\u202ey""#)], at: .zero)
        #expect(self.screen(screen, at: .zero)[2].contains("·[2J·x·y"))
    }

    @Test func aLifeThatBeginsAgainIsNoRateBelowZero() throws {
        var screen = WatchScreen(title: "t")
        screen.take([try self.message("a", 1000, "1")], at: .seconds(1))
        screen.advance(to: .seconds(1))
        screen.take([try self.message("a", 1, "1")], at: .seconds(2))
        screen.advance(to: .seconds(2))
        #expect(self.screen(screen, at: .seconds(2))[2].contains("-     0s"))
    }

    @Test(arguments: [
        ("abc", 5, "abc  "), ("abc", 3, "abc"), ("abcd", 3, "ab…"), ("", 2, "  "), ("漢字かな", 5, "漢字…"),
        ("漢字かな", 4, "漢… "), ("é", 2, "é "), ("abc", 0, ""),
    ])
    func textIsFittedByWhatItTakes(text: String, columns: Int, expected: String) {
        #expect(TerminalText.fit(text, columns) == expected)
        if columns > 0 { #expect(TerminalText.width(TerminalText.fit(text, columns)) == columns) }
    }

    @Test(arguments: [
        ([], "    "), ([5], "   ▄"), ([1, 2, 3, 4, 5], "▁▃▆█"), ([-1, 1, -1, 1], "▁█▁█"),
        ([-Double.greatestFiniteMagnitude, Double.greatestFiniteMagnitude], "  ▄▄"),
    ])
    func aCourseLiesBetweenItsLowestAndItsHighest(samples: [Double], expected: String) {
        #expect(Sparkline.text(samples, columns: 4) == expected)
    }

    @Test func keysAreFoundInWhatATerminalSends() {
        let bytes = Array("\u{1B}[A\u{1B}[Bjk\u{1B}[5~\u{1B}[6~ bgG\u{1B}[H\u{1B}[Fxq\u{1B}[".utf8)
        #expect(
            KeyReader.keys(in: bytes) == [
                .up, .down, .down, .up, .pageUp, .pageDown, .pageDown, .pageUp, .home, .end, .home, .end, .quit,
            ]
        )
    }
}
