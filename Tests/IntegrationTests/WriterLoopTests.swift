import Ingest
import Logging
import Nostr
import NostrCache
import Postgres
import RelayWorld
import Synchronization
import TestSupport
import Testing

/// When the writer waits, and what one transaction holds.
@Suite(.timeLimit(.minutes(2)))
struct WriterLoopTests {
    final class Record: Sendable {
        let sleeps = Mutex<[Duration]>([])
        let batches = Mutex<[Int]>([])
    }

    /// Lets a writer take what is in the queue already, to its end; sleeping takes no time.
    func write(_ count: Int, _ change: (inout IngestConfiguration) -> Void = { _ in }) async throws -> Record {
        let events = Array(CompletenessTests.world(31, count: 900).events[..<count])
        let record = Record()
        let time = IngestTime(
            instant: IngestTime.system.instant, microseconds: IngestTime.system.microseconds,
            sleep: { duration in record.sleeps.withLock { $0.append(duration) } })
        try await IngestHarness.withCache { database in
            let harness = IngestHarness(database: database, time: time, change)
            let verifier = EventVerifier(keys: PublicKeyCache(capacity: 64))
            let items = try events.map { CacheItem.event(try verifier.verify($0), relay: nil, seenAt: 1) }
            try await harness.services.queue.send(items)
            harness.services.queue.finish()
            let writer = WriterLoop(
                queue: harness.services.queue, database: database, configuration: harness.configuration,
                committed: harness.services.committed, accounts: harness.services.accounts,
                status: harness.services.status, time: time, logger: .silent, isDaemon: false,
                onCommit: { outcomes in record.batches.withLock { $0.append(outcomes.count) } })
            try await writer.run()
            #expect(harness.services.accounts.snapshot.write.total == count)
        }
        return record
    }

    @Test(arguments: [(count: 1, waits: 0), (63, 0), (64, 1), (900, 1)])
    func `only in bulk, and short of a full transaction, the writer waits a moment`(
        count: Int, waits: Int
    ) async throws {
        let record = try await self.write(count)
        let sleeps = record.sleeps.withLock { $0 }
        #expect(sleeps.count == waits)
        #expect(sleeps.allSatisfy { $0 <= .milliseconds(50) })
        #expect(record.batches.withLock { $0 } == [count])
    }

    @Test func `a full transaction is written at once, and the rest behind it`() async throws {
        let record = try await self.write(250) { $0.limits.batchEventsMax = 100 }
        #expect(record.sleeps.withLock { $0 }.isEmpty)
        #expect(record.batches.withLock { $0 } == [100, 100, 50])
    }
}
