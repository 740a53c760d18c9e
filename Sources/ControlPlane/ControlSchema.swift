package import Postgres

/// The two lines of migrations of the control plane, embedded in the binary.
package enum ControlSchema {
    package static let line = "control"
    /// Stands on the whole of ``line`` and needs pgvector; nothing of ``line`` depends on it.
    package static let vectorLine = "control-vector"

    /// In order; a test proves that the list equals the folder `migrations/control`.
    package static let migrations: [Migration] = [
        Migration(version: 1, name: "0001_users.sql", bytes: PackageResources._001_users_sql),
        Migration(version: 2, name: "0002_api_tokens.sql", bytes: PackageResources._002_api_tokens_sql),
        Migration(version: 3, name: "0003_organizations.sql", bytes: PackageResources._003_organizations_sql),
        Migration(version: 4, name: "0004_projects.sql", bytes: PackageResources._004_projects_sql),
        Migration(version: 5, name: "0005_repos.sql", bytes: PackageResources._005_repos_sql),
        Migration(version: 6, name: "0006_threads.sql", bytes: PackageResources._006_threads_sql),
        Migration(version: 7, name: "0007_messages.sql", bytes: PackageResources._007_messages_sql),
        Migration(version: 8, name: "0008_message_embeddings.sql", bytes: PackageResources._008_message_embeddings_sql),
        Migration(version: 9, name: "0009_issues.sql", bytes: PackageResources._009_issues_sql),
        Migration(version: 10, name: "0010_agents.sql", bytes: PackageResources._010_agents_sql),
        Migration(version: 11, name: "0011_knowledge.sql", bytes: PackageResources._011_knowledge_sql),
        Migration(version: 12, name: "0012_numbers.sql", bytes: PackageResources._012_numbers_sql),
        Migration(version: 13, name: "0013_idempotency_keys.sql", bytes: PackageResources._013_idempotency_keys_sql),
    ]

    /// In order; equal to the folder `migrations/control-vector`.
    package static let vectorMigrations: [Migration] = [
        Migration(version: 1, name: "0001_vector_indexes.sql", bytes: PackageResources._001_vector_indexes_sql)
    ]
}
