/// What the parts of the broker cost, each by itself.
///
///     WSBROKER_BENCHMARKS=1 swift run -c release parts-bench [PART...]
///
/// CPU time of this process, the median of several rounds; `commit` and `start` are also in real time, because they
/// wait for the disk. Ratios within one run are what to trust. With arguments only those lines are measured that
/// contain all of them.
@main
enum PartsBench {
    static func main() async throws {
        print("| part | per | ns |\n|---|---|---|")
        WireParts.measure()
        try CoreParts.measure()
        try await StoreParts.measure()
    }
}
