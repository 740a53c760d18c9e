import ArgumentParser
import FoundationEssentials
import Nostr
import RelayWorld

/// Writes the events that everything is measured with.
///
/// 55 % kind 1111, 30 % kind 7, 15 % kind 1; every one is stored, so that rows equal events.
struct CorpusCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "corpus",
        abstract: "Make signed events: corpus.jsonl for relays, corpus.bin for the C loop.")

    @Option(help: "How many events.")
    var events = 100_000

    @Option(help: "The seed that everything follows from.")
    var seed: UInt64 = 1

    @Argument(help: "The directory to write to.")
    var directory: String

    func run() throws {
        var options = SocialWorld.Options()
        options.count = self.events
        options.shares = [.post: 20, .reply: 35, .vote: 30, .note: 15]
        options.expirationShare = 0
        let world = SocialWorld(seed: self.seed, options: options)
        let jsonl = world.jsonl
        try Data(jsonl).write(to: URL(filePath: self.directory + "/corpus.jsonl"))
        // Id, key and signature of each event: what `secp256k1_schnorrsig_verify` asks for.
        var records = Data(capacity: 128 * self.events)
        for event in world.events {
            records.append(contentsOf: event.id.value.bytes)
            records.append(contentsOf: event.pubkey.value.bytes)
            records.append(contentsOf: event.sig.bytes)
        }
        try records.write(to: URL(filePath: self.directory + "/corpus.bin"))
        let kinds = Dictionary(grouping: world.events, by: \.kind).mapValues(\.count)
        Report.write([
            "events": .integer(world.events.count), "bytes": .integer(jsonl.count),
            "authors": .integer(Set(world.events.map(\.pubkey)).count),
            "kind_1111": .integer(kinds[.comment, default: 0]), "kind_7": .integer(kinds[.reaction, default: 0]),
            "kind_1": .integer(kinds[.note, default: 0]),
        ])
    }
}
