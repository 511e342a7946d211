/// Finds the keys in what a terminal sends.
enum KeyReader {
    private static let names: [([UInt8], WatchScreen.Key)] = [
        (Array("\u{1B}[A".utf8), .up), (Array("\u{1B}[B".utf8), .down), (Array("\u{1B}OA".utf8), .up),
        (Array("\u{1B}OB".utf8), .down), (Array("\u{1B}[5~".utf8), .pageUp), (Array("\u{1B}[6~".utf8), .pageDown),
        (Array("\u{1B}[H".utf8), .home), (Array("\u{1B}[F".utf8), .end), (Array("k".utf8), .up),
        (Array("j".utf8), .down), (Array("b".utf8), .pageUp), (Array(" ".utf8), .pageDown), (Array("g".utf8), .home),
        (Array("G".utf8), .end), (Array("q".utf8), .quit), (Array("Q".utf8), .quit),
    ]

    /// The keys in `bytes`; what is none is passed over.
    static func keys(in bytes: [UInt8]) -> [WatchScreen.Key] {
        var keys: [WatchScreen.Key] = []
        var rest = bytes[...]
        while !rest.isEmpty {
            if let (name, key) = Self.names.first(where: { rest.starts(with: $0.0) }) {
                keys.append(key)
                rest = rest.dropFirst(name.count)
            } else {
                rest = rest.dropFirst()
            }
        }
        return keys
    }
}
