package import Postgres

/// The line `nostr` of migrations: the cache's tables, embedded in the binary.
package enum NostrSchema {
    package static let line = "nostr"

    /// In order; a test proves that the list equals the folder `migrations/nostr`.
    package static let migrations: [Migration] = [
        Migration(version: 1, name: "0001_relays_and_streams.sql", bytes: PackageResources._001_relays_and_streams_sql),
        Migration(version: 2, name: "0002_events.sql", bytes: PackageResources._002_events_sql),
        Migration(version: 3, name: "0003_profiles.sql", bytes: PackageResources._003_profiles_sql),
        Migration(version: 4, name: "0004_quarantine.sql", bytes: PackageResources._004_quarantine_sql),
        Migration(version: 5, name: "0005_cheaper_rows.sql", bytes: PackageResources._005_cheaper_rows_sql),
        Migration(version: 6, name: "0006_lifecycle.sql", bytes: PackageResources._006_lifecycle_sql),
        Migration(version: 7, name: "0007_references.sql", bytes: PackageResources._007_references_sql),
        Migration(
            version: 8, name: "0008_reactions_zaps_labels.sql", bytes: PackageResources._008_reactions_zaps_labels_sql),
        Migration(version: 9, name: "0009_communities.sql", bytes: PackageResources._009_communities_sql),
        Migration(version: 10, name: "0010_rollups.sql", bytes: PackageResources._010_rollups_sql),
        Migration(version: 11, name: "0011_lookups.sql", bytes: PackageResources._011_lookups_sql),
        Migration(version: 12, name: "0012_emptying.sql", bytes: PackageResources._012_emptying_sql),
    ]
}
