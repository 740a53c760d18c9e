/// The tables of the cache, and what of them depends on when and in which order events came.
enum TableDump {
    struct Table {
        let name: String
        /// Numbers and wall-clock times.
        let without: [String]

        init(_ name: String, without: [String] = []) {
            self.name = name
            self.without = without
        }
    }

    /// What follows from the events that were received, and from nothing else.
    static let projections: [Table] = [
        Table("nostr_events", without: ["ingest_seq", "seen_at", "relay_id"]),
        Table("nostr_replaceable_heads"), Table("nostr_profiles", without: ["seen_at"]),
        Table("nostr_deletions"), Table("nostr_vanishes"), Table("nostr_relay_vanishes"),
        Table("nostr_external_ids"), Table("nostr_mentions"), Table("nostr_reactions"), Table("nostr_zaps"),
        Table("nostr_labels"), Table("nostr_communities"), Table("nostr_community_posts"),
        Table("nostr_community_approvals"), Table("nostr_event_stats", without: ["updated_at"]),
        Table("nostr_reaction_counts"), Table("nostr_subclaws", without: ["updated_at"]),
    ]

    static let tables: [Table] =
        projections.dropFirst() + [
            Table("nostr_events", without: ["ingest_seq"]),
            Table("nostr_event_relays", without: ["first_seen_at"]),
            Table("nostr_quarantine", without: ["quarantine_id", "seen_at"]),
            Table("nostr_coverage", without: ["updated_at", "last_eose_at"]),
            Table("nostr_coverage_holes", without: ["first_seen_at", "last_tried_at"]),
        ]

    static let clear =
        "TRUNCATE " + (projections.map(\.name) + ["nostr_event_relays", "nostr_quarantine"]).joined(separator: ", ")

    /// A query with one line for each row.
    static func lines(of tables: [Table]) -> String {
        tables.map { table in
            let without = table.without.map { " - '\($0)'" }.joined()
            return "SELECT '\(table.name) ' || (to_jsonb(t)\(without))::text AS line FROM \(table.name) t"
        }
        .joined(separator: " UNION ALL ")
    }

    /// A query with one hash of everything.
    static func hash(of tables: [Table]) -> String {
        """
        SELECT encode(sha256(string_agg(sha256(convert_to(line, 'UTF8')), '' ORDER BY line COLLATE "C")), 'hex')
        FROM (\(self.lines(of: tables))) AS lines
        """
    }
}
