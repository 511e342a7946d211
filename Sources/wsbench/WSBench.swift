import BrokerCommandLine

@main
enum WSBench {
    static func main() async {
        await BenchCommand.endProcess()
    }
}
