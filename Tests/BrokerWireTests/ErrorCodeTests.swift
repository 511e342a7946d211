import BrokerWire
import Foundation
import Testing

/// The codes of errors, which the handbook explains.
@Suite("Error codes")
struct ErrorCodeTests {
    @Test func theHandbookNamesEachOfThem() throws {
        let root = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: root.appendingPathComponent("docs/protocol.md"), encoding: .utf8)
        let rows = text.split(separator: "\n").map { $0.filter { $0 != "`" } }
        for code in ErrorCode.allCases {
            let isThere = rows.contains { row in
                row.hasPrefix("| \(code.rawValue) | \(code.name)")
            }
            #expect(isThere, "\(code.rawValue) \(code.name)")
        }
    }
}
