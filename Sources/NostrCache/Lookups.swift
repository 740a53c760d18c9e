package import Nostr
package import Postgres

/// What is to be asked of the web, and what it answered: the tables `nostr_lightning_lookups` and
/// `nostr_nip05_checks`.
package struct Lookups: Sendable {
    private let connection: PostgresConnection

    package init(connection: PostgresConnection) {
        self.connection = connection
    }

    /// A claim of a profile that a web server can confirm.
    package struct Claim: Hashable, Sendable {
        package let pubkey: PublicKey
        /// A lightning address or a NIP-05 identifier, as the profile has it.
        package let text: String
        /// Attempts in a row that came to nothing, of this very claim.
        package let failures: Int

        package init(pubkey: PublicKey, text: String, failures: Int = 0) {
            self.pubkey = pubkey
            self.text = text
            self.failures = failures
        }
    }

    /// Verdicts on claims of profiles that are gone, a vanish request's among them, go too.
    package func forgetOrphans() async throws {
        try await self.connection.run { session in
            _ = try session.execute(
                """
                DELETE FROM nostr_lightning_lookups AS l
                WHERE NOT EXISTS (SELECT FROM nostr_profiles AS p WHERE p.pubkey = l.pubkey)
                """)
            _ = try session.execute(
                """
                DELETE FROM nostr_nip05_checks AS c
                WHERE NOT EXISTS (SELECT FROM nostr_profiles AS p WHERE p.pubkey = c.pubkey)
                """)
        }
    }

    private func claims(_ sql: String, _ limit: Int) async throws -> [Claim] {
        try await self.connection.run { session in
            try session.execute(sql, [.int8(Int64(limit))]).compactMap { row in
                guard let key = row[0].bytes.flatMap({ Bytes32(bytes: $0) }), let text = row[1].text else { return nil }
                return Claim(pubkey: PublicKey(key), text: text, failures: Int(row[2].int4 ?? 0))
            }
        }
    }

    // MARK: - NIP-05

    /// Identifiers that are due, those never checked first.
    package func dueIdentifiers(limit: Int) async throws -> [Claim] {
        try await self.claims(
            """
            SELECT p.pubkey, p.nip05, CASE WHEN c.identifier = p.nip05 THEN c.failures ELSE 0 END
            FROM nostr_profiles AS p
            LEFT JOIN nostr_nip05_checks AS c ON c.pubkey = p.pubkey
            WHERE p.nip05 IS NOT NULL
              AND (c.pubkey IS NULL OR c.identifier <> p.nip05 OR c.next_check_at <= now())
            ORDER BY c.next_check_at NULLS FIRST, p.pubkey
            LIMIT $1
            """, limit)
    }

    /// The domain's answer, which holds until `expiry` and is asked for again after `next`.
    package func record(
        identifier: Claim, isVerified: Bool, reason: String?, next: Duration, expiry: Duration
    ) async throws {
        try await self.execute(
            """
            INSERT INTO nostr_nip05_checks AS c
              (pubkey, identifier, verified, reason, next_check_at, expires_at)
            VALUES ($1, $2, $3, $4, now() + $5 * interval '1 millisecond', now() + $6 * interval '1 millisecond')
            ON CONFLICT (pubkey) DO UPDATE
            SET identifier = excluded.identifier, verified = excluded.verified, reason = excluded.reason, failures = 0,
              checked_at = now(), next_check_at = excluded.next_check_at, expires_at = excluded.expires_at
            """,
            [
                .key(identifier.pubkey), .text(identifier.text), .bool(isVerified), .reason(reason),
                .milliseconds(next), .milliseconds(expiry),
            ])
    }

    /// The domain did not answer: an earlier verdict on the same identifier stands until it expires.
    package func record(identifier: Claim, failure reason: String, next: Duration) async throws {
        try await self.execute(
            """
            INSERT INTO nostr_nip05_checks AS c
              (pubkey, identifier, verified, reason, failures, next_check_at, expires_at)
            VALUES ($1, $2, false, $3, 1, now() + $4 * interval '1 millisecond', now())
            ON CONFLICT (pubkey) DO UPDATE
            SET verified = c.verified AND c.identifier = excluded.identifier, identifier = excluded.identifier,
              reason = excluded.reason,
              failures = CASE WHEN c.identifier = excluded.identifier THEN c.failures + 1 ELSE 1 END,
              checked_at = now(), next_check_at = excluded.next_check_at,
              expires_at = CASE WHEN c.identifier = excluded.identifier THEN c.expires_at ELSE now() END
            """,
            [.key(identifier.pubkey), .text(identifier.text), .reason(reason), .milliseconds(next)])
    }

    /// Of these authors, those whose identifier is verified now.
    package func verifiedIdentifiers(of authors: some Collection<PublicKey> & Sendable) async throws -> Set<PublicKey> {
        let rows = try await self.execute(
            """
            SELECT p.pubkey
            FROM nostr_profiles AS p
            JOIN nostr_nip05_checks AS c ON c.pubkey = p.pubkey AND c.identifier = p.nip05
            WHERE p.pubkey = ANY ($1) AND c.verified AND c.expires_at > now()
            """, [.keys(authors)]
        ) { $0[0].bytes.flatMap { Bytes32(bytes: $0) }.map(PublicKey.init) }
        return Set(rows.compactMap(\.self))
    }

    // MARK: - Lightning addresses

    /// Addresses of those who have receipts that nobody has confirmed, and which are due; those never looked up first.
    package func dueAddresses(limit: Int) async throws -> [Claim] {
        try await self.claims(
            """
            SELECT p.pubkey, p.lud16, CASE WHEN l.address = p.lud16 THEN l.failures ELSE 0 END
            FROM nostr_profiles AS p
            LEFT JOIN nostr_lightning_lookups AS l ON l.pubkey = p.pubkey
            WHERE p.lud16 IS NOT NULL
              AND (l.pubkey IS NULL OR l.address <> p.lud16 OR l.next_check_at <= now())
              AND EXISTS (
                SELECT FROM nostr_zaps AS z
                WHERE z.recipient_pubkey = p.pubkey AND z.level IN (1, 2) AND z.provider_match IS NOT TRUE
              )
            ORDER BY l.next_check_at NULLS FIRST, p.pubkey
            LIMIT $1
            """, limit)
    }

    /// What the server at `url` said: a key, which ``ZapProviders`` keeps, or an answer without one.
    package func record(address: Claim, url: String?, refusal reason: String?, next: Duration) async throws {
        try await self.record(address, url, outcome: reason == nil ? "found" : "refused", reason, next)
    }

    package func record(address: Claim, url: String?, failure reason: String, next: Duration) async throws {
        try await self.record(address, url, outcome: "failed", reason, next)
    }

    private func record(
        _ address: Claim, _ url: String?, outcome: String, _ reason: String?, _ next: Duration
    ) async throws {
        try await self.execute(
            """
            INSERT INTO nostr_lightning_lookups AS l
              (pubkey, address, url, outcome, reason, failures, next_check_at)
            VALUES ($1, $2, $3, $4, $5, CASE WHEN $4 = 'failed' THEN 1 ELSE 0 END,
              now() + $6 * interval '1 millisecond')
            ON CONFLICT (pubkey) DO UPDATE
            SET address = excluded.address, url = excluded.url, outcome = excluded.outcome, reason = excluded.reason,
              failures = CASE
                WHEN excluded.outcome <> 'failed' THEN 0
                WHEN l.address = excluded.address THEN l.failures + 1
                ELSE 1
              END,
              checked_at = now(), next_check_at = excluded.next_check_at
            """,
            [
                .key(address.pubkey), .text(address.text), url.map(PostgresValue.text) ?? .null, .text(outcome),
                .reason(reason), .milliseconds(next),
            ])
    }

    // MARK: - Statements

    private func execute(_ sql: String, _ parameters: [PostgresValue]) async throws {
        _ = try await self.execute(sql, parameters) { _ in }
    }

    private func execute<Value: Sendable>(
        _ sql: String, _ parameters: [PostgresValue], _ read: @Sendable (PostgresRow) -> Value
    ) async throws -> [Value] {
        try await self.connection.run { try $0.execute(sql, parameters).map(read) }
    }
}

extension PostgresValue {
    fileprivate static func key(_ key: PublicKey) -> PostgresValue { .bytea(key.value.withBytes { Array($0) }) }

    fileprivate static func milliseconds(_ duration: Duration) -> PostgresValue {
        .int8(Int64(duration / .milliseconds(1)))
    }

    /// What a stranger's server said, cut to the column's bound.
    fileprivate static func reason(_ text: String?) -> PostgresValue {
        text.map { .text(String(decoding: $0.utf8.filter { $0 != 0 }.prefix(200), as: UTF8.self)) } ?? .null
    }
}
