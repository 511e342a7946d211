/// Finds what somebody probably meant.
enum NearestName {
    /// The one of `candidates` that takes the fewest edits, if it takes few.
    static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let closest =
            candidates
            .map { ($0, Self.distance(Array(name.lowercased().utf8), Array($0.lowercased().utf8))) }
            .min { $0.1 < $1.1 }
        // Only what is behind the last section is somebody's own: whole paths look alike.
        let last = name.reversed().prefix { $0 != "." && $0 != "_" }.count
        guard let (candidate, distance) = closest, distance <= max(1, last / 3) else { return nil }
        return candidate
    }

    /// Insertions, deletions, replacements and swaps of neighbours (optimal string alignment).
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var rows = [Array(0...right.count)]
        for row in 1...left.count {
            var next = [row]
            for column in 1...right.count {
                let isSame = left[row - 1] == right[column - 1]
                var best = min(
                    rows[row - 1][column] + 1,
                    next[column - 1] + 1,
                    rows[row - 1][column - 1] + (isSame ? 0 : 1)
                )
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    best = min(best, rows[row - 2][column - 2] + 1)
                }
                next.append(best)
            }
            rows.append(next)
        }
        return rows[left.count][right.count]
    }
}
