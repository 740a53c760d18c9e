import ArgumentParser
import Ingest
import Nostr
import NostrCache

/// What a copy of a committed event costs before it is dropped, without socket and session.
struct PeekCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "peek", abstract: "Look for committed ids in the frames of a corpus in memory.")

    @Argument(help: "corpus.jsonl")
    var corpus: String

    /// Frames of one burst of a socket.
    private static let batch = 256

    func run() throws {
        let frames = try Frames(of: self.corpus)
        let committed = CommittedEvents()
        let relay = RelayID(1)
        var events: [CacheReader.Committed] = []
        for range in frames.ranges {
            guard case .event(_, let event) = try RelayMessage(parsing: frames.bytes.span.extracting(range)) else {
                continue
            }
            events.append((event.id, event.createdAt, relay))
        }
        committed.insert(events)
        var found = 0
        let start = Report.cpu
        for first in stride(from: 0, to: frames.count, by: Self.batch) {
            let ids = frames.ranges[first..<min(first + Self.batch, frames.count)].map { range in
                EventPeek(frames.bytes.span.extracting(range))?.id
            }
            for copy in committed.copies(of: ids, from: relay) where copy != nil { found += 1 }
        }
        Report.write([
            "frames": .integer(frames.count), "found": .integer(found),
            "peek_us": .number((Report.cpu - start) / Double(max(1, frames.count))),
        ])
    }
}
