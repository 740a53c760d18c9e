import Foundation
import Ingest
import Nostr
import NostrCache
import Postgres
import RelayClient
import RelayWorld
import TestSupport
import Testing

/// Events that real people signed, served by relays that nobody here wrote: the cache equals what the file holds after
/// supersession, less what the relay does not serve, each of these with its reason.
///
/// A relay supersedes and deletes by its own rules, so an independent client asks it for all it has.
@Suite(
    .enabled(if: EventFiles.arePresent, "There is no shared/data/events: set NOSTR_SHARED"),
    .enabled(if: Peers.areReady, Peers.absence), .serialized, .timeLimit(.minutes(10)))
struct RealInputTests {
    @Test func `twelve thousand real events come from rust-nostr into the cache as they were signed`() async throws {
        let path = EventFiles.path("dev.jsonl")
        let (relay, url) = try await Peers.relay(
            "relay_nostr_sdk.py", ["--db", TestDirectory.make("lmdb"), "--load", path])
        let run = try await self.ingest(path, from: url)
        print("rust-nostr:", run)
        self.check(run)
        #expect(run.file.count == 12_560)
        #expect(run.served.count > 11_500)
        relay.kill(SIGKILL)
    }

    @Test func `six hundred real events come from nostr-relay into the cache as they were signed`() async throws {
        let wanted: Set<UInt16> = [0, 1, 7]
        let lines = try EventFiles.lines(EventFiles.path("dev.jsonl"))
        let slice = try zip(lines, EventFiles.events(lines)).filter { wanted.contains($0.1.kind.rawValue) }.prefix(600)
        let path = try EventFiles.write(slice.map(\.0), "slice.jsonl")
        let (relay, url) = try await Peers.relay(
            "relay_nostr_relay.py", ["--db", TestDirectory.make("sqlite"), "--load", path])
        let run = try await self.ingest(path, from: url)
        print("nostr-relay:", run)
        self.check(run)
        #expect(run.file.count == 600)
        #expect(run.served.count > 550)
        relay.kill(SIGKILL)
    }

    // MARK: One run

    /// What a run came to.
    struct Run: CustomStringConvertible {
        /// The events that the relay was given.
        let file: [Event]
        /// The events that the relay hands out.
        let served: [Event]
        let cached: [CachedEvent]
        /// Rows in quarantine.
        let quarantined: Int
        let totals: Accounts.Totals
        let covered: [CoverageSet]
        let holes: Int
        let now: Timestamp

        var description: String {
            let reasons = self.unserved.sorted { $0.key < $1.key }.map { "\($0.key.rawValue) \($0.value.count)" }
            let rejected = self.totals.rejected.sorted { $0.key.rawValue < $1.key.rawValue }
            return """
                file \(self.file.count), served \(self.served.count) (not: \(reasons.joined(separator: ", "))), \
                received \(self.totals.received), copies \(self.totals.duplicatesPeeked), \
                written \(self.totals.write.written), duplicate \(self.totals.write.duplicates), \
                replaced \(self.totals.write.replaced), \
                rejected (\(rejected.map { "\($0.key.rawValue) \($0.value)" }.joined(separator: ", "))), \
                cached \(self.cached.count), quarantined \(self.quarantined)
                """
        }
    }

    /// Lets a relay serve a file, asks it for everything, and follows it until there is nothing left to ask.
    private func ingest(_ path: String, from url: String) async throws -> Run {
        let answer = TestDirectory.make("answer.jsonl")
        try await Peers.run("ask.py", [url, answer, "--ids", path])
        let relay = try #require(RelayURL(url))
        return try await IngestHarness.withCache { database in
            let now = IngestTime.system.wall
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: relay, role: .primary, allowPrivateAddresses: true)]
                // One of the events is from 1970.
                configuration.follow.lookbackSeconds = now.seconds + 3_600
                configuration.limits.requestDeadline = .seconds(60)
            }
            try await harness.run { IngestHarness.isAtRest($0, $1) }
            let connection = try await PostgresConnection.open(database, logger: .silent)
            let ledger = try await CacheReader(connection: connection).coverageStatus()
            let quarantined = try await CacheReader(connection: connection).counts().quarantineByReason
            await connection.close()
            return Run(
                file: try EventFiles.events(try EventFiles.lines(path)),
                served: try EventFiles.events(try EventFiles.lines(answer)),
                cached: try await CachedEvent.all(in: database), quarantined: quarantined.values.reduce(0, +),
                totals: harness.services.accounts.snapshot, covered: ledger.map(\.covered),
                holes: ledger.reduce(0) { $0 + $1.holes.count }, now: now)
        }
    }

    private func check(_ run: Run) {
        // The relay serves what it was given, byte by byte of what was signed.
        let file = Set(run.file)
        let strangers = run.served.filter { !file.contains($0) }
        #expect(strangers.isEmpty)
        #expect(run.unserved[.unexplained] == nil)

        // The cache is the supersession of the file, less what was not served.
        let served = Set(run.served)
        let expected = CompletenessTests.expected(run.file.filter { served.contains($0) })
        let missing = Set(expected).subtracting(run.cached)
        let surplus = Set(run.cached).subtracting(expected)
        #expect(missing.isEmpty)
        #expect(surplus.isEmpty)
        #expect(run.cached.count == expected.count)

        // Every event that came is somewhere, and the ledger names the whole of time.
        #expect(run.totals.unaccounted == 0)
        #expect(run.totals.inFlight == 0)
        #expect(run.totals.received >= run.served.count)
        let oracle = SupersessionOracle(now: run.now)
        let absent = oracle.state(after: run.served).absent
        let neverStored = run.totals.rejected[.policy, default: 0] + run.totals.rejected[.ephemeral, default: 0]
        #expect(neverStored >= absent[.neverStored, default: 0])
        #expect(run.quarantined == absent[.nulInText, default: 0] + absent[.future, default: 0])
        #expect(run.holes == 0)
        let isCovered = run.covered.allSatisfy { $0.contains(Timestamp.zero..<run.now) }
        #expect(isCovered)
    }
}

extension RealInputTests.Run {
    /// Why a relay that was given an event does not hand it out.
    enum Absence: String, Comparable {
        case ephemeral, expired, superseded, deleted
        /// A request to delete what is another's: relays may refuse it.
        case foreignDeletion
        case unexplained

        static func < (left: Absence, right: Absence) -> Bool { left.rawValue < right.rawValue }
    }

    /// What the relay was given and does not hand out.
    var unserved: [Absence: [Event]] {
        var oracle = SupersessionOracle(now: self.now)
        let kept = Set(oracle.state(after: self.file).ids)
        oracle.appliesDeletions = false
        let heads = Set(oracle.state(after: self.file).ids)
        let served = Set(self.served.map(\.id))
        return Dictionary(grouping: self.file.filter { !served.contains($0.id) }) { event in
            if event.kind.kindClass == .ephemeral { return .ephemeral }
            if event.expiration.hasPassed(at: self.now) { return .expired }
            let hasVersions = event.kind.kindClass == .replaceable || event.kind.kindClass == .addressable
            if hasVersions, !heads.contains(event.id) { return .superseded }
            if !kept.contains(event.id) { return .deleted }
            return event.isForeignDeletion ? .foreignDeletion : .unexplained
        }
    }
}

extension Event {
    /// Whether it is a request to delete, by address, what its author did not publish (NIP-09).
    fileprivate var isForeignDeletion: Bool {
        self.kind == .deletionRequest
            && self.tags.strings.contains { tag in
                tag.count > 1 && tag[0] == "a" && !tag[1].contains(":\(self.pubkey):")
            }
    }
}
