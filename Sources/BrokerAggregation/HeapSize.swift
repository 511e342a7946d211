/// What collections take beside their own few bytes.
enum HeapSize {
    /// An object's header, its count and its capacity.
    private static let header = 32

    static func array<Element>(_ array: [Element]) -> Int {
        array.capacity == 0 ? 0 : Self.header + array.capacity * MemoryLayout<Element>.stride
    }

    /// A hash table is filled to at most three quarters and has a bit a place beside the places.
    static func set<Element>(_ set: Set<Element>) -> Int {
        guard set.capacity > 0 else { return 0 }
        let places = set.capacity * 4 / 3
        return 2 * Self.header + places * MemoryLayout<Element>.stride + places / 8
    }
}
