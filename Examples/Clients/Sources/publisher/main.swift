import BrokerClient
import Foundation

// Publishes each line of standard input, and says what was refused: `seq 100 | publisher ws://localhost:8181 clicks`.
do {
    let arguments = CommandLine.arguments.dropFirst()
    let topic = arguments.dropFirst().first ?? "clicks"
    let client = BrokerClient(
        ClientConfiguration(address: try BrokerAddress(arguments.first ?? "ws://localhost:8181"))
    )
    try await client.start()
    let pipeline = try client.pipeline(to: topic) { line, outcome in
        if case .refused(let refusal) = outcome { print("line \(line): \(refusal)") }
    }
    var number: UInt64 = 0
    while let line = readLine() {
        number += 1
        try await pipeline.enqueue(Array(line.utf8), tag: number)
    }
    try await pipeline.waitForOutcomes()
    await client.shutdown()
} catch {
    print(error)
    exit(1)
}
