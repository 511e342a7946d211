import BrokerClient
import Foundation

// Prints the value of one topic: `request ws://localhost:8181 clicks`.
do {
    let arguments = CommandLine.arguments.dropFirst()
    let topic = arguments.dropFirst().first ?? "clicks"
    var configuration = ClientConfiguration(address: try BrokerAddress(arguments.first ?? "ws://localhost:8181"))
    configuration.producer = .none
    let client = BrokerClient(configuration)
    try await client.start()
    print(try await client.get(topic)?.text ?? "\(topic) has no value")
    await client.shutdown()
} catch {
    print(error)
    exit(1)
}
