/// All short texts over a few characters: what is true of each of them is true of the rules.
enum ShortNames {
    /// Every text of 1 to `length` characters of `alphabet`.
    static func all(over alphabet: String, upTo length: Int) -> [String] {
        var all: [String] = []
        var longest = [""]
        for _ in 0..<length {
            longest = longest.flatMap { text in alphabet.map { text + String($0) } }
            all += longest
        }
        return all
    }
}
