import FoundationEssentials
import Nostr

/// The EVENT messages of a corpus, one behind the other in memory.
struct Frames {
    let bytes: [UInt8]
    let ranges: [Range<Int>]

    /// Reads the JSONL that `corpus` wrote.
    init(of path: String) throws {
        let lines = [UInt8](try Data(contentsOf: URL(filePath: path)))
        let prefix = Array("[\"EVENT\",\"c1-0\",".utf8)
        var bytes: [UInt8] = []
        var ranges: [Range<Int>] = []
        bytes.reserveCapacity(lines.count + lines.count / 16)
        for line in lines.split(separator: UInt8(ascii: "\n")) {
            let start = bytes.count
            bytes += prefix
            bytes += line
            bytes.append(UInt8(ascii: "]"))
            ranges.append(start..<bytes.count)
        }
        self.bytes = bytes
        self.ranges = ranges
    }

    var count: Int { self.ranges.count }

    /// CPU microseconds for each frame that `body` takes.
    func measure(_ body: (Span<UInt8>) throws -> Void) rethrows -> Double {
        let start = Report.cpu
        let span = self.bytes.span
        for range in self.ranges { try body(span.extracting(range)) }
        return (Report.cpu - start) / Double(max(1, self.count))
    }
}
