import BrokerClient
import Foundation

// Prints the values of topics as they come: `subscriber ws://localhost:8181 'clicks/#'`.
do {
    let arguments = CommandLine.arguments.dropFirst()
    let topic = arguments.dropFirst().first ?? "#"
    var configuration = ClientConfiguration(address: try BrokerAddress(arguments.first ?? "ws://localhost:8181"))
    configuration.producer = .none
    configuration.onEvent = { event in
        if case .disconnected(let error, let wait) = event { print("\(error); again in \(wait)") }
    }
    let client = BrokerClient(configuration)
    try await client.start()
    for try await message in try await client.subscribe(to: topic) {
        print(message.topic, message.text)
    }
} catch {
    print(error)
    exit(1)
}
