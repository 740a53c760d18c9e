import Nostr
import Postgres

/// The SQL of ``CacheRebuild``: everything is counted from rows, nothing from what was counted before.
enum RebuildStatements {
    // MARK: - Derived columns

    /// The columns of `nostr_events` that follow from the event.
    struct DerivedColumns {
        private var ids = PostgresArray(of: .bytea)
        private var identifiers: [String?] = []
        private var subclaws: [String?] = []
        private var parents: [[UInt8]?] = []
        private var topLevels: [Bool?] = []
        private var ais: [Bool?] = []
        private var roots: [[UInt8]?] = []
        private var addresses: [String?] = []
        private var expirations: [Int64?] = []

        mutating func append(_ row: EventRow) {
            row.event.id.value.withBytes { self.ids.append(bytes: $0) }
            self.identifiers.append(row.identifier)
            self.subclaws.append(row.subclaw)
            self.parents.append(row.parentID?.value.bytes)
            self.topLevels.append(row.isTopLevel)
            self.ais.append(row.isAI)
            self.roots.append(row.rootID?.value.bytes)
            self.addresses.append(row.rootAddress)
            self.expirations.append(row.expiresAt?.seconds)
        }

        var statement: PostgresStatement? {
            guard self.ids.count > 0 else { return nil }
            return PostgresStatement(
                """
                UPDATE nostr_events AS e
                SET identifier = d.identifier, subclaw = d.subclaw, parent_id = d.parent_id,
                  is_top_level = d.is_top_level, is_ai = d.is_ai, root_id = d.root_id, root_address = d.root_address,
                  expires_at = d.expires_at
                FROM unnest($1::bytea[], $2::text[], $3::text[], $4::bytea[], $5::boolean[], $6::boolean[],
                  $7::bytea[], $8::text[], $9::bigint[])
                  AS d (event_id, identifier, subclaw, parent_id, is_top_level, is_ai, root_id, root_address, expires_at)
                WHERE e.event_id = d.event_id
                  AND (e.identifier, e.subclaw, e.parent_id, e.is_top_level, e.is_ai, e.root_id, e.root_address,
                    e.expires_at)
                    IS DISTINCT FROM (d.identifier, d.subclaw, d.parent_id, d.is_top_level, d.is_ai, d.root_id,
                      d.root_address, d.expires_at)
                """,
                [
                    .array(self.ids), .textArray(self.identifiers), .textArray(self.subclaws),
                    .byteaArray(self.parents), .boolArray(self.topLevels), .boolArray(self.ais),
                    .byteaArray(self.roots), .textArray(self.addresses), .int8Array(self.expirations),
                ])
        }
    }

    /// Says of every receipt of these payments whether it stands for its payment.
    static func represent(_ hashes: Set<Bytes32>) -> PostgresStatement {
        PostgresStatement(
            """
            UPDATE nostr_zaps AS z
            SET is_counted = (z.event_id = r.event_id)
            FROM unnest($1::bytea[]) AS g (payment_hash)
            CROSS JOIN LATERAL (
              SELECT o.event_id
              FROM nostr_zaps AS o
              WHERE o.payment_hash = g.payment_hash
                AND o.level > 0
                AND o.network = 'bc'
                AND o.amount_source = 'bolt11'
              ORDER BY o.level DESC, o.created_at, o.event_id
              LIMIT 1
            ) AS r
            WHERE z.payment_hash = g.payment_hash
              AND z.level > 0
              AND z.network = 'bc'
              AND z.amount_source = 'bolt11'
              AND z.is_counted <> (z.event_id = r.event_id)
            """, [.ids(hashes.sorted().lazy.map(EventID.init))])
    }

    // MARK: - Orphans

    /// A table whose rows belong to events, walked by a key.
    struct Orphans {
        let sql: String
        let start: [PostgresValue]
        /// Types of the key, behind the count in the answer.
        fileprivate let key: [PostgresType]

        /// The parameters of the next step; nil at the end of the table.
        func cursor(behind row: PostgresRow) -> [PostgresValue]? {
            guard !row[1].isNull else { return nil }
            return self.key.indices.map { index in
                self.key[index] == .int8 ? .int8(row[index + 1].int8 ?? 0) : .bytea(row[index + 1].bytes ?? [])
            }
        }
    }

    static let orphans: [Orphans] =
        [
            "nostr_event_relays", "nostr_external_ids", "nostr_reactions", "nostr_zaps", "nostr_labels",
            "nostr_communities", "nostr_community_posts", "nostr_community_approvals",
        ].map { RebuildStatements.orphans(of: $0) } + [RebuildStatements.orphanedMentions]

    private static func orphans(of table: String) -> Orphans {
        Orphans(
            sql: """
                WITH page AS (
                  SELECT event_id FROM \(table) WHERE event_id > $1 ORDER BY event_id LIMIT $2
                ), gone AS (
                  DELETE FROM \(table) AS t
                  USING (SELECT DISTINCT event_id FROM page) AS p
                  WHERE t.event_id = p.event_id
                    AND NOT EXISTS (SELECT FROM nostr_events AS e WHERE e.event_id = p.event_id)
                  RETURNING 1
                )
                SELECT (SELECT count(*) FROM gone), (SELECT event_id FROM page ORDER BY event_id DESC LIMIT 1)
                """, start: [.bytea([])], key: [.bytea])
    }

    /// Or whose event names somebody else: they are found by what the event says.
    private static let orphanedMentions = Orphans(
        sql: """
            WITH page AS (
              SELECT pubkey, created_at, event_id
              FROM nostr_mentions
              WHERE (pubkey, created_at, event_id) > ($1, $2, $3)
              ORDER BY pubkey, created_at, event_id
              LIMIT $4
            ), gone AS (
              DELETE FROM nostr_mentions AS m
              USING page AS p
              WHERE m.pubkey = p.pubkey
                AND m.created_at = p.created_at
                AND m.event_id = p.event_id
                AND NOT EXISTS (
                  SELECT
                  FROM nostr_events AS e
                  WHERE e.event_id = p.event_id
                    AND e.created_at = p.created_at
                    AND e.tags_json @> jsonb_build_array(jsonb_build_array('p', encode(p.pubkey, 'hex'))))
              RETURNING 1
            ), last AS (
              SELECT * FROM page ORDER BY pubkey DESC, created_at DESC, event_id DESC LIMIT 1
            )
            SELECT (SELECT count(*) FROM gone), last.pubkey, last.created_at, last.event_id
            FROM (VALUES (1)) AS one
            LEFT JOIN last ON true
            """, start: [.bytea([]), .int8(0), .bytea([])], key: [.bytea, .int8, .bytea])
}
