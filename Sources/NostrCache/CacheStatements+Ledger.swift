import Nostr
import Postgres

/// The SQL of coverage, holes and quarantine.
extension CacheStatements {
    /// Takes back what holes withdraw, grows coverage, deletes the holes that an advance explains, and records the
    /// others.
    static func ledger(_ plan: LedgerPlan) -> [PostgresStatement] {
        let entries = plan.sorted
        let withdrawn = entries.filter { !$0.entry.withdrawn.isEmpty }
        // Also where a later hole took all of it back: the proof was there.
        let advanced = entries.filter { $0.entry.lastProof != nil }
        let spans = advanced.flatMap { key, entry in entry.spans.map { (key: key, span: $0) } }
        let holes = entries.flatMap { key, entry in entry.holes.map { (key: key, hole: $0) } }
        var statements: [PostgresStatement] = []
        if !withdrawn.isEmpty { statements.append(self.withdraw(withdrawn)) }
        if !advanced.isEmpty { statements += [self.advance(advanced), self.forgetHoles(in: spans)] }
        if !holes.isEmpty { statements.append(self.record(holes)) }
        return statements
    }

    private static func withdraw(_ entries: [(key: LedgerPlan.Key, entry: LedgerPlan.Entry)]) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE nostr_coverage AS c
            SET covered = c.covered - a.withdrawn::int8multirange, updated_at = now()
            FROM unnest($1::integer[], $2::integer[], $3::text[])
              AS a (relay_id, stream_id, withdrawn)
            WHERE c.relay_id = a.relay_id AND c.stream_id = a.stream_id AND c.covered && a.withdrawn::int8multirange
            """,
            [
                .int4Array(entries.map(\.key.relay.rawValue)), .int4Array(entries.map(\.key.stream.rawValue)),
                .textArray(entries.map(\.entry.withdrawn.description)),
            ])
    }

    private static func advance(_ entries: [(key: LedgerPlan.Key, entry: LedgerPlan.Entry)]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_coverage AS c (relay_id, stream_id, covered, last_proof, last_eose_at)
            SELECT a.relay_id, a.stream_id, a.covered::int8multirange, a.proof, CASE WHEN a.has_eose THEN now() END
            FROM unnest($1::integer[], $2::integer[], $3::text[], $4::text[], $5::boolean[])
              AS a (relay_id, stream_id, covered, proof, has_eose)
            ORDER BY 1, 2
            ON CONFLICT (relay_id, stream_id) DO UPDATE
            SET covered = c.covered + excluded.covered, last_proof = excluded.last_proof,
              last_eose_at = coalesce(excluded.last_eose_at, c.last_eose_at), updated_at = now()
            """,
            [
                .int4Array(entries.map(\.key.relay.rawValue)), .int4Array(entries.map(\.key.stream.rawValue)),
                .textArray(entries.map(\.entry.covered.description)),
                .textArray(entries.map(\.entry.lastProof?.rawValue)), .boolArray(entries.map(\.entry.hasEOSE)),
            ])
    }

    private static func forgetHoles(in spans: [(key: LedgerPlan.Key, span: Range<Timestamp>)]) -> PostgresStatement {
        PostgresStatement(
            """
            DELETE FROM nostr_coverage_holes AS h
            USING unnest($1::integer[], $2::integer[], $3::bigint[], $4::bigint[])
              AS a (relay_id, stream_id, lower_bound, upper_bound)
            WHERE h.relay_id = a.relay_id
              AND h.stream_id = a.stream_id
              AND h.span <@ int8range(a.lower_bound, a.upper_bound)
            """,
            [
                .int4Array(spans.map(\.key.relay.rawValue)), .int4Array(spans.map(\.key.stream.rawValue)),
                .int8Array(spans.map(\.span.lowerBound.seconds)), .int8Array(spans.map(\.span.upperBound.seconds)),
            ])
    }

    private static func record(_ holes: [(key: LedgerPlan.Key, hole: LedgerPlan.Hole)]) -> PostgresStatement {
        PostgresStatement(
            """
            INSERT INTO nostr_coverage_holes AS h (relay_id, stream_id, span, reason, attempts)
            SELECT a.relay_id, a.stream_id, int8range(a.lower_bound, a.upper_bound), a.reason, a.attempts
            FROM unnest($1::integer[], $2::integer[], $3::bigint[], $4::bigint[], $5::text[], $6::integer[])
              AS a (relay_id, stream_id, lower_bound, upper_bound, reason, attempts)
            ORDER BY 1, 2, 3
            ON CONFLICT (relay_id, stream_id, span) DO UPDATE
            SET reason = excluded.reason, attempts = h.attempts + excluded.attempts, last_tried_at = now()
            """,
            [
                .int4Array(holes.map(\.key.relay.rawValue)), .int4Array(holes.map(\.key.stream.rawValue)),
                .int8Array(holes.map(\.hole.span.lowerBound.seconds)),
                .int8Array(holes.map(\.hole.span.upperBound.seconds)),
                .textArray(holes.map(\.hole.reason.rawValue)), .int4Array(holes.map(\.hole.attempts)),
            ])
    }

    // MARK: - Quarantine

    /// Bytes of an entry that are kept: the column's bound.
    static let quarantineRawBytesMax = 524_288

    /// Keeps the refused events; one that is there already changes only where its reason does.
    static func quarantine(_ events: [QuarantinedEvent]) -> PostgresStatement {
        var last: [EventID: Int] = [:]
        for (index, event) in events.enumerated() { last[event.event.event.id] = index }
        let kept = events.indices.filter { last[events[$0].event.event.id] == $0 }.map { events[$0] }
        return PostgresStatement(
            """
            INSERT INTO nostr_quarantine AS q (event_id, raw, is_truncated, reason, sql_state, relay_id, retry_at)
            SELECT a.event_id, a.raw, a.is_truncated, a.reason, a.sql_state, a.relay_id, a.retry_at
            FROM unnest($1::bytea[], $2::bytea[], $3::boolean[], $4::text[], $5::text[], $6::integer[],
              $7::timestamptz[]) WITH ORDINALITY
              AS a (event_id, raw, is_truncated, reason, sql_state, relay_id, retry_at, number)
            ORDER BY a.number
            ON CONFLICT (event_id) DO UPDATE
            SET raw = excluded.raw, is_truncated = excluded.is_truncated, reason = excluded.reason,
              sql_state = excluded.sql_state, retry_at = excluded.retry_at
            WHERE (q.reason, q.sql_state, q.retry_at)
              IS DISTINCT FROM (excluded.reason, excluded.sql_state, excluded.retry_at)
            """,
            [
                .ids(kept.map(\.event.event.id)),
                .byteaArray(kept.map { Array($0.raw.prefix(self.quarantineRawBytesMax)) }),
                .boolArray(kept.map { $0.raw.count > self.quarantineRawBytesMax }),
                .textArray(kept.map(\.reason.rawValue)), .textArray(kept.map(\.sqlState)),
                .int4Array(kept.map { $0.relay?.rawValue }), .timestamptzArray(kept.map(\.retryAt)),
            ])
    }

    /// Removes the oldest entries that are over either bound.
    static func trimQuarantine(rowsMax: Int, bytesMax: Int) -> PostgresStatement {
        PostgresStatement(
            """
            DELETE FROM nostr_quarantine
            WHERE quarantine_id <= (
              SELECT max(quarantine_id)
              FROM (
                SELECT quarantine_id, row_number() OVER newest AS entries, sum(octet_length(raw)) OVER newest AS bytes
                FROM nostr_quarantine
                WINDOW newest AS (ORDER BY quarantine_id DESC ROWS UNBOUNDED PRECEDING)
              ) AS counted
              WHERE entries > $1 OR bytes > $2
            )
            """, [.int8(Int64(rowsMax)), .int8(Int64(bytesMax))])
    }

    /// What is stored after all is in quarantine no longer.
    static func release(_ ids: [EventID]) -> PostgresStatement {
        PostgresStatement("DELETE FROM nostr_quarantine WHERE event_id = ANY ($1)", [.ids(ids)])
    }
}
