import BrokerCommandLine

@main
enum WSPub {
    static func main() async {
        await PublishCommand.endProcess()
    }
}
