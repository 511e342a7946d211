import BrokerCommandLine

@main
enum WSSub {
    static func main() async {
        await SubscribeCommand.endProcess()
    }
}
