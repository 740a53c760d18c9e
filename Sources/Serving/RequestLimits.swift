/// Bounds of the listener (operations.md section 16.6).
package struct RequestLimits: Hashable, Sendable {
    package var connections = 64
    package var headerBytes = 8 * 1_024
    /// From the connection to the end of the header.
    package var headerSeconds: Int64 = 5
    /// From the connection to its end, however slowly the answer is read.
    package var connectionSeconds: Int64 = 30

    package init() {}
}

/// Where in the bytes of a connection the header of its request ends.
struct RequestHeadMeter {
    enum Step: Equatable {
        /// The header goes on.
        case more
        /// It ends after so many bytes of this piece; what follows is not read.
        case complete(bytes: Int)
        case tooLarge
    }

    private let limit: Int
    private var count = 0
    /// Line ends in a row; a carriage return before a line feed is optional (RFC 9112 section 2.2).
    private var lineEnds = 0

    init(limit: Int) {
        self.limit = limit
    }

    mutating func received(_ bytes: some Collection<UInt8>) -> Step {
        for (offset, byte) in bytes.enumerated() {
            self.count += 1
            guard self.count <= self.limit else { return .tooLarge }
            switch byte {
            case UInt8(ascii: "\n"):
                self.lineEnds += 1
                // Empty lines before the request line are skipped by every parser.
                if self.lineEnds == 2 { return .complete(bytes: offset + 1) }
            case UInt8(ascii: "\r"): break
            default: self.lineEnds = 0
            }
        }
        return .more
    }
}
