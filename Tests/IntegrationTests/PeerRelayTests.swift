import Foundation
import Ingest
import Nostr
import NostrCache
import Postgres
import RelayClient
import RelayWorld
import TestSupport
import Testing

/// What arrives over a real socket from a server that is not ours: bytes as odd as they come, and a relay that is killed.
@Suite(
    .enabled(if: EventFiles.arePresent, "There is no shared/data/events: set NOSTR_SHARED"),
    .enabled(if: Peers.areReady, Peers.absence), .serialized, .timeLimit(.minutes(10)))
struct PeerRelayTests {
    /// What a run against the relay of raw bytes came to.
    struct Run {
        let cached: [CachedEvent]
        let quarantined: [String: Int]
        let totals: Accounts.Totals
        let status: ServiceStatus.Picture
    }

    /// Follows a relay that sends each of `bodies` once, where the event of an EVENT message should stand.
    private func run(
        _ bodies: [[UInt8]],
        until isDone: (ServiceStatus.Picture, Accounts.Totals) -> Bool = { IngestHarness.isAtRest($0, $1) }
    ) async throws -> Run {
        let encoded = bodies.map { Array(Data($0).base64EncodedString().utf8) }
        let path = try EventFiles.write(encoded, "bodies")
        let (relay, url) = try await Peers.relay("raw_relay.py", [path, "--once"])
        defer { relay.kill(SIGKILL) }
        let relayURL = try #require(RelayURL(url))
        return try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database) { configuration in
                configuration.relays = [.init(url: relayURL, role: .primary, allowPrivateAddresses: true)]
                configuration.limits.requestDeadline = .seconds(60)
            }
            try await harness.run(until: isDone)
            let connection = try await PostgresConnection.open(database, logger: .silent)
            let quarantined = try await CacheReader(connection: connection).counts().quarantineByReason
            await connection.close()
            return Run(
                cached: try await CachedEvent.all(in: database), quarantined: quarantined,
                totals: harness.services.accounts.snapshot, status: harness.services.status.snapshot)
        }
    }

    @Test func `real events in the bytes of their relays are stored as they were signed`() async throws {
        let lines = try EventFiles.lines(EventFiles.path("dev-raw-wire.jsonl"))
        let events = try EventFiles.events(lines)
        let run = try await self.run(lines) { status, totals in
            IngestHarness.isAtRest(status, totals) && totals.received >= lines.count
        }
        let isEqual = run.cached == CompletenessTests.expected(events)
        #expect(isEqual)
        #expect(run.totals.received == 824)
        #expect(run.totals.unaccounted == 0)

        // What is not stored was counted with the reason that the oracle gives.
        let absent = SupersessionOracle(now: IngestTime.system.wall).state(after: events).absent
        let rejected = run.totals.rejected
        let neverStored = rejected[.policy, default: 0] + rejected[.ephemeral, default: 0]
        #expect(neverStored == absent[.neverStored, default: 0])
        #expect(rejected[.expired, default: 0] == absent[.expired, default: 0])
        #expect(rejected[.nulInText, default: 0] == absent[.nulInText, default: 0])
        let others = rejected.keys.filter { ![.policy, .ephemeral, .expired, .nulInText].contains($0) }
        #expect(others.isEmpty)
        print("raw wire: received \(run.totals.received), cached \(run.cached.count), rejected \(rejected)")
    }

    /// The cases of `synthetic-edge-cases.jsonl`, by what the folder's README makes of them; those that are no UTF-8 aside.
    private static let verdicts: [EventRejection: Int] = [
        .badID: 4, .nulInText: 2, .badType: 8, .malformedJSON: 2, .badHex: 4, .badSignature: 1, .badPublicKey: 1,
        .future: 1, .createdAtRange: 5, .kindRange: 2, .duplicateKey: 1,
    ]

    private static func syntheticBodies() throws -> [[UInt8]] {
        try EventFiles.lines(EventFiles.path("synthetic-edge-cases.jsonl")).map { line in
            guard let row = try JSONSerialization.jsonObject(with: Data(line)) as? [String: Any],
                let raw = row["raw_b64"] as? String, let body = Data(base64Encoded: raw)
            else { throw CocoaError(.fileReadCorruptFile) }
            return [UInt8](body)
        }
    }

    @Test func `every edge case is stored or counted with its reason`() async throws {
        let bodies = try Self.syntheticBodies().filter { String(validating: $0, as: UTF8.self) != nil }
        #expect(bodies.count == 55)
        let run = try await self.run(bodies) { status, totals in
            IngestHarness.isAtRest(status, totals) && totals.received >= bodies.count
        }
        #expect(run.totals.rejected == Self.verdicts)
        #expect(run.totals.received == bodies.count)
        #expect(run.totals.unaccounted == 0)
        let accepted = bodies.count - Self.verdicts.values.reduce(0, +)
        #expect(run.totals.write.written == accepted)
        #expect(run.cached.count == accepted)
        // Verified and not storable: the bytes are kept.
        #expect(run.quarantined == [EventRejection.nulInText.rawValue: 2, EventRejection.future.rawValue: 1])
    }

    @Test func `a text that is no UTF-8 ends the connection, and the next one goes on`() async throws {
        let bodies = try Self.syntheticBodies()
        let broken = bodies.filter { String(validating: $0, as: UTF8.self) == nil }
        #expect(broken.count == 2)
        for body in broken {
            let run = try await self.run([body, bodies[0]]) { status, totals in
                IngestHarness.isAtRest(status, totals) && status.relays.values.allSatisfy { $0.connects == 2 }
            }
            let causes = run.status.relays.values.map(\.disconnects)
            #expect(causes.allSatisfy { $0[DisconnectCause.protocol.rawValue] == 1 })
            #expect(run.cached.isEmpty)
            #expect(run.totals.unaccounted == 0)
        }
    }

    @Test func `events of any age arrive live from a relay that is killed and comes back`() async throws {
        let wanted: Set<UInt16> = [1, 6, 7, 1111]
        let all = try EventFiles.lines(EventFiles.path("dev.jsonl"))
        let lines = try zip(all, EventFiles.events(all)).filter { wanted.contains($0.1.kind.rawValue) }.prefix(300)
            .map(\.0)
        let halves = [Array(lines[..<150]), Array(lines[150...])]
        let database = TestDirectory.make("lmdb")
        let (first, url) = try await Peers.relay("relay_nostr_sdk.py", ["--db", database])
        let relayURL = try #require(RelayURL(url))
        let port = try #require(url.split(separator: ":").last.map(String.init))
        let totals = try await IngestHarness.withCache { cache in
            let harness = IngestHarness(database: cache) { configuration in
                configuration.relays = [.init(url: relayURL, role: .primary, allowPrivateAddresses: true)]
                configuration.limits.requestDeadline = .seconds(60)
            }
            let relay = RestartedRelay(first, ["--db", database, "--port", port])
            var step = 0
            // A relay refuses what it does not like.
            var accepted = 0
            try await harness.run { status, totals in
                let isAtRest = IngestHarness.isAtRest(status, totals)
                let connects = status.relays.values.first?.connects ?? 0
                switch step {
                case 0 where isAtRest:
                    accepted += try await Peers.publish(halves[0], to: url)
                    step = 1
                case 1 where isAtRest && totals.received >= accepted:
                    try await relay.restart()
                    step = 2
                case 2 where isAtRest && connects == 2:
                    accepted += try await Peers.publish(halves[1], to: url)
                    step = 3
                case 3 where isAtRest && totals.received >= accepted:
                    return true
                default:
                    break
                }
                return false
            }
            let answer = TestDirectory.make("answer.jsonl")
            try await Peers.run("ask.py", [url, answer, "--ids", EventFiles.write(lines, "all.jsonl")])
            let served = try EventFiles.events(EventFiles.lines(answer))
            #expect(served.count == accepted)
            #expect(accepted > 290)
            relay.kill()
            let isEqual = try await CachedEvent.all(in: cache) == CompletenessTests.expected(served)
            #expect(isEqual)
            return harness.services.accounts.snapshot
        }
        #expect(totals.unaccounted == 0)
    }
}

/// A relay that is killed, and started again in the same place.
private final class RestartedRelay {
    private var program: SpawnedProgram
    private let arguments: [String]

    init(_ program: SpawnedProgram, _ arguments: [String]) {
        self.program = program
        self.arguments = arguments
    }

    func kill() { self.program.kill(SIGKILL) }

    func restart() async throws {
        self.kill()
        _ = try await self.program.end(within: .seconds(30))
        self.program = try await Peers.relay("relay_nostr_sdk.py", self.arguments).0
    }
}
