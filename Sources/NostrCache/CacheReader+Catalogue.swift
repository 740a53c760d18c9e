package import Nostr
import Postgres

/// Relays and streams: who is asked for what.
extension CacheReader {
    /// Enters relays, or finds them again, and gives them their role.
    package func register(_ relays: [RelayURL: RelayRole]) async throws -> [RelayURL: RelayID] {
        let urls = relays.keys.sorted { $0.description < $1.description }
        let rows = try await self.query(
            """
            INSERT INTO nostr_relays AS r (url, role, enabled)
            SELECT a.url, a.role, true
            FROM unnest($1::text[], $2::text[]) AS a (url, role)
            ORDER BY 1
            ON CONFLICT (url) DO UPDATE
            SET role = excluded.role, enabled = true
            RETURNING relay_id, url
            """, [.textArray(urls.map(\.description)), .textArray(urls.map { relays[$0]?.rawValue })]
        ) { (id: RelayID($0[0].int4 ?? 0), url: $0[1].text ?? "") }
        let ids = Dictionary(uniqueKeysWithValues: rows.map { ($0.url, $0.id) })
        return Dictionary(uniqueKeysWithValues: urls.compactMap { url in ids[url.description].map { (url, $0) } })
    }

    /// Marks relays as out of use; what they covered stays.
    package func disableRelays(except kept: some Collection<RelayID> & Sendable) async throws {
        _ = try await self.query(
            "UPDATE nostr_relays SET enabled = false WHERE enabled AND NOT relay_id = ANY ($1)",
            [.int4Array(kept.map(\.rawValue))]
        ) { _ in }
    }

    /// Makes these filters the ones in force under their names.
    ///
    /// A filter that was in force before comes back with its coverage; another filter of the same name is retired.
    package func activate(_ streams: [String: Filter]) async throws -> [String: StreamID] {
        let names = streams.keys.sorted()
        let texts = names.map { streams[$0]?.canonicalText }
        let parameters: [PostgresValue] = [.textArray(names), .textArray(texts)]
        return try await self.connection.run { session in
            try session.transaction {
                _ = try session.execute(
                    """
                    UPDATE nostr_streams AS s
                    SET active = false, retired_at = now()
                    FROM unnest($1::text[], $2::text[]) AS a (name, filter)
                    WHERE s.name = a.name AND s.active AND s.filter_hash <> sha256(convert_to(a.filter, 'UTF8'))
                    """, parameters)
                let rows = try session.execute(
                    """
                    INSERT INTO nostr_streams AS s (name, filter, filter_hash)
                    SELECT a.name, a.filter::jsonb, sha256(convert_to(a.filter, 'UTF8'))
                    FROM unnest($1::text[], $2::text[]) AS a (name, filter)
                    ORDER BY 1
                    ON CONFLICT (name, filter_hash) DO UPDATE
                    SET active = true, retired_at = NULL
                    RETURNING name, stream_id
                    """, parameters)
                return Dictionary(
                    uniqueKeysWithValues: rows.map { ($0[0].text ?? "", StreamID($0[1].int4 ?? 0)) })
            }
        }
    }

    /// Retires the active streams that the configuration names no more; their coverage stays for the day they return.
    package func retireStreams(except kept: some Collection<StreamID> & Sendable) async throws {
        _ = try await self.query(
            """
            UPDATE nostr_streams SET active = false, retired_at = now()
            WHERE active AND NOT stream_id = ANY ($1)
            """, [.int4Array(kept.map(\.rawValue))]
        ) { _ in }
    }

    /// Notes what was observed of a relay; what is nil stays as it was.
    package func record(_ observation: RelayObservation, of relay: RelayID) async throws {
        _ = try await self.query(
            """
            UPDATE nostr_relays
            SET last_connected_at = coalesce($2, last_connected_at), last_eose_at = coalesce($3, last_eose_at),
              last_event_at = coalesce($4, last_event_at), last_error = coalesce($5, last_error),
              last_error_at = CASE WHEN $5 IS NULL THEN last_error_at ELSE now() END,
              consecutive_failures = coalesce($6, consecutive_failures),
              next_attempt_at = coalesce($7, next_attempt_at), effective_limit = coalesce($8, effective_limit),
              nip11 = coalesce($9, nip11),
              nip11_fetched_at = CASE WHEN $9 IS NULL THEN nip11_fetched_at ELSE now() END
            WHERE relay_id = $1
            """, observation.parameters(of: relay)
        ) { _ in }
    }
}

/// What a relay is used for.
package enum RelayRole: String, CaseIterable, Sendable {
    /// Always connected.
    case primary
    /// Serves the holes that no healthy primary serves.
    case fallback
    /// Asked for kind 0 only.
    case profiles
    /// Merely seen.
    case discovered
}

/// What a session learned of a relay since the last time; nil is "nothing new". Times are microseconds since 1970.
package struct RelayObservation: Equatable, Sendable {
    package var lastConnectedAt: Int64?
    package var lastEOSEAt: Int64?
    package var lastEventAt: Int64?
    package var lastError: String?
    package var consecutiveFailures: Int32?
    package var nextAttemptAt: Int64?
    package var effectiveLimit: Int32?
    /// The relay's information document (NIP-11), in JSON.
    package var nip11: JSONValue?

    /// An error text comes from the relay: enough to know it by.
    static let errorBytesMax = 512

    package init() {}

    fileprivate func parameters(of relay: RelayID) -> [PostgresValue] {
        [
            .int4(relay.rawValue), .optional(self.lastConnectedAt, PostgresValue.timestamptz),
            .optional(self.lastEOSEAt, PostgresValue.timestamptz),
            .optional(self.lastEventAt, PostgresValue.timestamptz),
            .optional(self.lastError.map { Self.storable($0) }, PostgresValue.text),
            .optional(self.consecutiveFailures, PostgresValue.int4),
            .optional(self.nextAttemptAt, PostgresValue.timestamptz),
            .optional(self.effectiveLimit, PostgresValue.int4),
            .optional(self.nip11.map { $0.withoutNUL }, { .jsonb(Array($0.text.utf8)) }),
        ]
    }

    /// Without U+0000, which `text` cannot hold, and cut at a scalar boundary.
    private static func storable(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars where scalar.value != 0 {
            bytes += UTF8.width(scalar)
            guard bytes <= Self.errorBytesMax else { break }
            kept.append(scalar)
        }
        return String(kept)
    }
}

extension PostgresValue {
    fileprivate static func optional<Value>(_ value: Value?, _ wrap: (Value) -> PostgresValue) -> PostgresValue {
        value.map(wrap) ?? .null
    }
}

extension JSONValue {
    /// The document without U+0000, which `jsonb` cannot hold.
    fileprivate var withoutNUL: JSONValue {
        func clean(_ text: String) -> String { text.utf8.contains(0) ? text.replacing("\0", with: "") : text }
        return switch self {
        case .null, .bool, .number: self
        case .string(let text): .string(clean(text))
        case .array(let elements): .array(elements.map(\.withoutNUL))
        case .object(let members):
            .object(members.map { Member(name: clean($0.name), value: $0.value.withoutNUL) })
        }
    }
}
