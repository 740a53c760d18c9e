/// Filling an array of known size: every append is checked, and none looks for room.
extension OutputSpan<UInt8> {
    @inline(__always)
    mutating func append(ascii text: StaticString) {
        for index in 0..<text.utf8CodeUnitCount { self.append(text.utf8Start[index]) }
    }

    @inline(__always)
    mutating func append(copying bytes: Span<UInt8>, _ range: Range<Int>) {
        self.append(copying: bytes.extracting(range))
    }

    /// Appends all of `bytes`; traps when there is no room. The standard library has no such method yet.
    @inline(__always)
    mutating func append(copying bytes: Span<UInt8>) {
        precondition(bytes.count <= self.freeCapacity, "The size was computed from the same parts")
        bytes.withUnsafeBufferPointer { source in
            self.withUnsafeMutableBufferPointer { target, count in
                _ = target.extracting(count...).update(fromContentsOf: source)
                count += source.count
            }
        }
    }
}
