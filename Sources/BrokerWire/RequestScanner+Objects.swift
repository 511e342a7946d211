/// Fields that are objects of their own.
extension RequestScanner {
    /// Takes `{"name":..,"epoch":..,"resume":..,"acked":..}`, in any order.
    mutating func scanProducer() throws(JSONSkipper.Problem) {
        self.request.hasProducer = true
        let isObject = try self.scanInnerObject { scanner, name throws(JSONSkipper.Problem) in
            if name.elementsEqual("name".utf8) {
                scanner.note(.producerName)
                scanner.request.producerName = try scanner.takeString(.producerName) ?? .empty
            } else if name.elementsEqual("epoch".utf8) {
                scanner.note(.producerEpoch)
                scanner.request.producerEpoch = try scanner.takeInteger(.producerEpoch, from: 1)
            } else if name.elementsEqual("resume".utf8) {
                scanner.note(.producerResume)
                scanner.request.producerResumes = try scanner.takeBool(.producerResume) ?? false
            } else if name.elementsEqual("acked".utf8) {
                scanner.note(.producerAcked)
                scanner.request.producerAcked = try scanner.takeInteger(.producerAcked, from: 0)
            } else {
                try scanner.json.skipValue()
            }
        }
        if !isObject { self.fail("producer", "is an object") }
    }

    /// Takes `{"epoch":..,"offset":..}`, in either order.
    mutating func scanSince() throws(JSONSkipper.Problem) {
        self.request.hasSince = true
        let isObject = try self.scanInnerObject { scanner, name throws(JSONSkipper.Problem) in
            if name.elementsEqual("epoch".utf8) {
                scanner.note(.sinceEpoch)
                scanner.request.sinceEpoch = try scanner.takeString(.sinceEpoch) ?? .empty
            } else if name.elementsEqual("offset".utf8) {
                scanner.note(.sinceOffset)
                scanner.request.sinceOffset = try scanner.takeInteger(.sinceOffset, from: 0) ?? 0
            } else {
                try scanner.json.skipValue()
            }
        }
        if !isObject || self.request.sinceEpoch.isEmpty || !self.has(.sinceOffset) {
            self.fail("since", "is an object with 'epoch' and 'offset'")
        }
    }

    /// Takes the members of an object that is the value of a field; returns whether it is one.
    ///
    /// - `member`: Called at each value with the member's name; it has to take the value.
    private mutating func scanInnerObject(
        _ member: (inout Self, UnsafeRawBufferPointer) throws(JSONSkipper.Problem) -> Void
    ) throws(JSONSkipper.Problem) -> Bool {
        let start = self.json.index
        let isObject = self.json.current == UInt8(ascii: "{")
        try self.json.skipValue()
        guard isObject else { return false }
        let end = self.json.index
        // The value is known to be an object; walk it once more for its members.
        self.json.index = start + 1
        self.json.skipBlank()
        while self.json.current == UInt8(ascii: "\"") {
            let name = try self.takeString().bytes(in: UnsafeRawBufferPointer(self.message))
            self.json.skipBlank()
            self.json.index += 1
            self.json.skipBlank()
            try member(&self, name)
            self.json.skipBlank()
            self.json.index += 1
            self.json.skipBlank()
        }
        self.json.index = end
        return true
    }
}
