import BrokerClient

/// Publishes each line of standard input, and says what was refused: `seq 100 | publisher ws://localhost:8181 clicks`.
@main
enum Publisher {
    static func main() async throws {
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
    }
}
