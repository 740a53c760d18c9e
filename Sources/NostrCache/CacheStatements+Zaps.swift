import Nostr
import Postgres

/// The SQL of zap receipts: how far each can be believed, and which stands for its payment.
extension CacheStatements {
    /// The receipt that stands for each payment.
    static func representatives(_ hashes: [Bytes32]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT g.number, r.event_id, r.target_event_id, r.msats, r.level = 3
            FROM unnest($1::bytea[]) WITH ORDINALITY AS g (payment_hash, number)
            CROSS JOIN LATERAL (
              SELECT z.event_id, z.target_event_id, z.msats, z.level
              FROM nostr_zaps AS z
              WHERE z.payment_hash = g.payment_hash
                AND z.level > 0
                AND z.network = 'bc'
                AND z.amount_source = 'bolt11'
              ORDER BY z.level DESC, z.created_at, z.event_id
              LIMIT 1
            ) AS r
            """, [.ids(hashes.lazy.map(EventID.init))])
    }

    /// Payments with a receipt that is, or that is for, one of these events.
    static func payments(of receipts: [EventID], for targets: [EventID]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT payment_hash FROM nostr_zaps WHERE event_id = ANY ($1) AND level > 0
            UNION
            SELECT payment_hash FROM nostr_zaps WHERE target_event_id = ANY ($2) AND level > 0
            """, [.ids(receipts), .ids(targets)])
    }

    /// Says again how far receipts can be believed: these, and those for these events. What the target says of the
    /// recipient decides, and what is known of the provider: nothing but rows, so it does not matter which came first.
    static func judge(
        _ receipts: [EventID], for targets: [EventID], trusted: [PublicKey]
    ) -> PostgresStatement {
        PostgresStatement(
            """
            WITH touched AS (
              SELECT event_id FROM nostr_zaps WHERE event_id = ANY ($1) AND level > 0
              UNION
              SELECT event_id FROM nostr_zaps WHERE target_event_id = ANY ($2) AND level > 0
            ), facts AS (
              SELECT z.event_id,
                CASE
                  WHEN z.provider_pubkey = ANY ($3) THEN true
                  WHEN c.provider_pubkey IS NOT NULL THEN true
                  WHEN EXISTS (SELECT FROM nostr_zap_providers AS o WHERE o.recipient_pubkey = z.recipient_pubkey)
                    THEN false
                END AS provider_match,
                CASE
                  WHEN t.event_id IS NULL THEN NULL
                  WHEN t.pubkey = z.recipient_pubkey THEN true
                  ELSE EXISTS (
                    SELECT
                    FROM jsonb_array_elements(t.tags_json) AS g (tag)
                    WHERE g.tag ->> 0 = 'zap' AND g.tag ->> 1 = encode(z.recipient_pubkey, 'hex')
                  )
                END AS recipient_match
              FROM touched
              JOIN nostr_zaps AS z ON z.event_id = touched.event_id
              LEFT JOIN nostr_events AS t ON t.event_id = z.target_event_id
              LEFT JOIN nostr_zap_providers AS c
                ON c.recipient_pubkey = z.recipient_pubkey AND c.provider_pubkey = z.provider_pubkey
            ), judged AS (
              SELECT event_id, provider_match, recipient_match,
                CASE
                  WHEN provider_match AND recipient_match IS DISTINCT FROM false THEN 3
                  WHEN recipient_match THEN 2
                  ELSE 1
                END AS level
              FROM facts
            )
            UPDATE nostr_zaps AS z
            SET provider_match = j.provider_match, recipient_match = j.recipient_match, level = j.level
            FROM judged AS j
            WHERE z.event_id = j.event_id
              AND (z.provider_match, z.recipient_match, z.level)
                IS DISTINCT FROM (j.provider_match, j.recipient_match, j.level)
            """, [.ids(receipts), .ids(targets), .keys(trusted)])
    }

    /// Receipts for a recipient of whom a provider is known, whose `provider_match` does not say so yet.
    static func misjudged(for recipient: PublicKey, trusted: [PublicKey], limit: Int) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT z.event_id, z.payment_hash
            FROM nostr_zaps AS z
            LEFT JOIN nostr_zap_providers AS c
              ON c.recipient_pubkey = z.recipient_pubkey AND c.provider_pubkey = z.provider_pubkey
            WHERE z.recipient_pubkey = $1
              AND z.level > 0
              AND z.provider_match IS DISTINCT FROM (c.provider_pubkey IS NOT NULL OR z.provider_pubkey = ANY ($2))
            LIMIT $3
            """, [.bytea(recipient.value.bytes), .keys(trusted), .int8(Int64(limit))])
    }

    /// Moves `is_counted` from receipts to others.
    static func count(_ flips: (counted: [EventID], uncounted: [EventID])) -> [PostgresStatement] {
        [(flips.uncounted, false), (flips.counted, true)].compactMap { (receipts, isCounted) in
            guard !receipts.isEmpty else { return nil }
            return PostgresStatement(
                "UPDATE nostr_zaps SET is_counted = $2 WHERE event_id = ANY ($1)",
                [.ids(receipts), .bool(isCounted)])
        }
    }
}
