/// The value that a frame carries in `data`, and what stands beside it.
package struct WireValue {
    package enum Data {
        case none
        /// JSON text as it is.
        case json(UnsafeRawBufferPointer)
        /// An exact number, with `exact` beside it where a JavaScript program would read another one.
        case number(ExactDecimal)
    }

    package var data: Data
    /// Finished members of the same object, each behind a comma: `,"window":{…}`.
    package var siblings = UnsafeRawBufferPointer(start: nil, count: 0)

    package init(_ data: Data) { self.data = data }

    package static var none: Self { Self(.none) }

    package static func json(_ text: UnsafeRawBufferPointer) -> Self { Self(.json(text)) }

    package static func number(_ number: ExactDecimal) -> Self { Self(.number(number)) }

    package var bytesMax: Int {
        let dataMax =
            switch self.data {
            case .none: 0
            case .json(let text): text.count + 8
            case .number: 2 * ExactDecimal.textBytesMax + 24
            }
        return dataMax + self.siblings.count
    }
}

extension RawWriter {
    package mutating func putData(_ value: WireValue) {
        switch value.data {
        case .none:
            break
        case .json(let text):
            self.put(",\"data\":")
            self.put(text)
        case .number(let number):
            self.put(",\"data\":")
            let start = self.count
            self.put(number)
            // Fifteen characters hold at most fifteen digits, which survive unless they are very small.
            if self.count - start > 15 || number.isTiny, !number.survivesJavaScript {
                self.put(",\"exact\":\"")
                self.put(number)
                self.put("\"")
            }
        }
        self.put(value.siblings)
    }
}
