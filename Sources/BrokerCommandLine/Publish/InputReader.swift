import NIOPosix

/// Reads a file descriptor in blocks, on a thread that may wait for it, and only when it is asked for one.
struct InputReader: Sendable {
    /// Large enough that reading costs nothing beside what is done with it.
    static let blockBytes = 64 * 1024

    private let pool: NIOThreadPool
    private let readBlock: @Sendable () throws(InputError) -> [UInt8]

    /// - `path`: The file that `descriptor` is, for errors; `nil` is standard input.
    /// - `pool`: Where the thread comes from; it has to have one to spare.
    init(descriptor: Int32, path: String? = nil, pool: NIOThreadPool) {
        self.init(pool: pool) { () throws(InputError) in
            do throws(InputError) {
                return try SystemCall.readBlock(from: descriptor, bytesMax: Self.blockBytes)
            } catch {
                throw path.map { InputError(source: $0, reason: error.reason) } ?? error
            }
        }
    }

    init(pool: NIOThreadPool, read: @escaping @Sendable () throws(InputError) -> [UInt8]) {
        self.pool = pool
        self.readBlock = read
    }

    /// What there is to read, at least one byte, or `nil` at the end.
    func next() async throws -> [UInt8]? {
        let block = try await self.pool.runIfActive { try self.readBlock() }
        return block.isEmpty ? nil : block
    }

    /// Everything up to the end; `nil` when that is more than `bytesMax`.
    func all(bytesMax: Int) async throws -> [UInt8]? {
        var bytes: [UInt8] = []
        while let block = try await self.next() {
            bytes += block
            guard bytes.count <= bytesMax else { return nil }
        }
        return bytes
    }
}
