/// What a terminal shows, for the few things that the tools ask of one.
package struct TerminalScreen: Sendable {
    package let columns: Int
    package let rows: Int
    private var cells: [[Character]]
    private var other: [[Character]]
    private var row = 0
    private var column = 0
    private var rest = ""
    /// Whether the other screen is shown, as full-screen programs have it.
    package private(set) var isOther = false
    package private(set) var showsCursor = true

    package init(columns: Int, rows: Int) {
        self.columns = columns
        self.rows = rows
        self.cells = Self.blank(columns, rows)
        self.other = Self.blank(columns, rows)
    }

    private static func blank(_ columns: Int, _ rows: Int) -> [[Character]] {
        Array(repeating: Array(repeating: " ", count: columns), count: rows)
    }

    /// The lines, without the blanks at their ends.
    package var lines: [String] {
        self.cells.map { line in
            var line = line
            while line.last == " " { line.removeLast() }
            return String(line)
        }
    }

    package mutating func write(_ text: String) {
        var input = Substring(self.rest + text)
        self.rest = ""
        while let character = input.first {
            if character == "\u{1B}" {
                guard let end = input.dropFirst(2).firstIndex(where: { $0.isLetter }) else {
                    // The rest of the sequence comes with the next write.
                    self.rest = String(input)
                    return
                }
                self.obey(String(input[..<end].dropFirst(2)), input[end])
                input = input[input.index(after: end)...]
                continue
            }
            input.removeFirst()
            self.put(character)
        }
    }

    private mutating func put(_ character: Character) {
        switch character {
        case "\r\n":
            self.newline()
            self.column = 0
        case "\r": self.column = 0
        case "\n": self.newline()
        default:
            if self.column >= self.columns {
                self.column = 0
                self.newline()
            }
            self.cells[self.row][self.column] = character
            self.column += 1
        }
    }

    private mutating func newline() {
        self.row += 1
        guard self.row == self.rows else { return }
        self.row -= 1
        self.cells.removeFirst()
        self.cells.append(Array(repeating: " ", count: self.columns))
    }

    private mutating func obey(_ parameters: String, _ command: Character) {
        let numbers = parameters.split(separator: ";").map { Int($0) ?? 0 }
        switch (command, parameters) {
        case ("h", "?1049"), ("l", "?1049"):
            swap(&self.cells, &self.other)
            self.isOther = command == "h"
        case ("h", "?25"), ("l", "?25"):
            self.showsCursor = command == "h"
        case ("J", "2"):
            self.cells = Self.blank(self.columns, self.rows)
        case ("H", _):
            self.row = min(max((numbers.first ?? 1) - 1, 0), self.rows - 1)
            self.column = min(max((numbers.dropFirst().first ?? 1) - 1, 0), self.columns - 1)
        case ("K", _):
            for column in self.column..<self.columns { self.cells[self.row][column] = " " }
        default:
            break
        }
    }
}
