import Nostr
import Postgres

/// Rows of `nostr_events` that a transaction is about to remove, with what is needed to take their effects back.
struct RemovedRows {
    struct Post {
        let subclaw: String
        let isAI: Bool
    }

    private(set) var ids: [EventID] = []
    /// Replies that have a parent.
    private(set) var replies: [ThreadDifference.Reply] = []
    private(set) var posts: [Post] = []

    init() {}

    /// - Parameter facts: the answer to ``CacheStatements/facts(_:)``; an id without a row is not there.
    init(facts: PostgresResult, replyKinds: [Kind]) {
        for row in facts {
            guard let id = row[0].eventID, let number = row[1].int4 else { continue }
            let isAI = row[3].bool ?? false
            self.ids.append(id)
            if let parent = row[2].eventID, replyKinds.contains(where: { Int32($0.rawValue) == number }) {
                self.replies.append(ThreadDifference.Reply(id: id, parent: NamedID(parent), isAI: isAI))
            }
            if let subclaw = row[4].text { self.posts.append(Post(subclaw: subclaw, isAI: isAI)) }
        }
    }

    var isEmpty: Bool { self.ids.isEmpty }
}

extension CacheStatements {
    /// What counters know of the stored events among `ids`; the community only of those that count as its posts.
    static func facts(_ ids: [EventID]) -> PostgresStatement {
        PostgresStatement(
            """
            SELECT event_id, kind, parent_id, is_ai, CASE WHEN kind = 1111 AND is_top_level THEN subclaw END
            FROM nostr_events
            WHERE event_id = ANY ($1)
            """, [.ids(ids)])
    }

    /// Removes events and every row that names one of them as its own.
    static func remove(_ ids: [EventID]) -> [PostgresStatement] {
        self.removeCompanions(of: ids) + [
            PostgresStatement("DELETE FROM nostr_event_relays WHERE event_id = ANY ($1)", [.ids(ids)]),
            PostgresStatement("DELETE FROM nostr_events WHERE event_id = ANY ($1)", [.ids(ids)]),
        ]
    }

    /// Removes what is derived from events that are still there.
    static func removeCompanions(of ids: [EventID]) -> [PostgresStatement] {
        [
            // Its key begins with who is named: the tags say who that is.
            """
            DELETE FROM nostr_mentions AS m
            USING nostr_events AS e
            CROSS JOIN LATERAL jsonb_array_elements(e.tags_json) AS t (tag)
            WHERE e.event_id = ANY ($1)
              AND t.tag ->> 0 = 'p'
              AND t.tag ->> 1 ~ '^[0-9a-f]{64}$'
              AND m.pubkey = decode(t.tag ->> 1, 'hex')
              AND m.created_at = e.created_at
              AND m.event_id = e.event_id
            """,
            "DELETE FROM nostr_external_ids WHERE event_id = ANY ($1)",
            "DELETE FROM nostr_reactions WHERE event_id = ANY ($1)",
            "DELETE FROM nostr_zaps WHERE event_id = ANY ($1)",
            "DELETE FROM nostr_labels WHERE event_id = ANY ($1)",
            "DELETE FROM nostr_communities WHERE event_id = ANY ($1)",
            "DELETE FROM nostr_community_posts WHERE event_id = ANY ($1)",
            "DELETE FROM nostr_community_approvals WHERE event_id = ANY ($1)",
        ].map { PostgresStatement($0, [.ids(ids)]) }
    }
}
