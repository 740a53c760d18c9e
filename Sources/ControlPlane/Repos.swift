package import FoundationEssentials
import Postgres

/// A row of `repos`, which tenants share.
package struct Repo: TableRow, Identified {
    static package let columns = ["id", "name", "provider", "owner", "default_branch", "url", "created_at"]

    package let id: UUID
    package let name: String
    package let provider: String
    package let owner: String
    package let defaultBranch: String?
    package let url: String?
    package let createdAt: WallTime

    package init(_ reader: inout RowReader) {
        self.id = reader.uuid()
        self.name = reader.text()
        self.provider = reader.text()
        self.owner = reader.text()
        self.defaultBranch = reader.optionalText()
        self.url = reader.optionalText()
        self.createdAt = reader.time()
    }
}

/// The natural key of a repository, and what the first connection says of it.
package struct RepoReference: Sendable, Hashable {
    package var provider: String
    package var owner: String
    package var name: String
    package var defaultBranch: String?
    /// For known providers it is computed, and only the computed one is accepted.
    package var url: String?

    package init(provider: String, owner: String, name: String, defaultBranch: String? = nil, url: String? = nil) {
        self.provider = provider
        self.owner = owner
        self.name = name
        self.defaultBranch = defaultBranch
        self.url = url
    }

    private static let hosts = [
        "github": "github.com", "gitlab": "gitlab.com", "codeberg": "codeberg.org", "bitbucket": "bitbucket.org",
    ]

    /// What is stored as `url` for a new row.
    ///
    /// - Throws: BAD_REQUEST for a URL that contradicts a known provider, or that is none of http or https.
    func checkedURL() throws(ControlPlaneError) -> String? {
        guard let computed = try self.computedURL() else { return try self.url.map(Self.checkedWebURL) }
        guard self.url.map({ $0.utf8.elementsEqual(computed.utf8) }) ?? true else {
            throw .badRequest("the URL of this repository is \(computed)")
        }
        return computed
    }

    /// Nil for a provider that we do not know.
    private func computedURL() throws(ControlPlaneError) -> String? {
        guard let host = Self.hosts[self.provider] else { return nil }
        // GitLab's owners may be groups within groups.
        let parts = self.owner.split(separator: "/", omittingEmptySubsequences: false) + [self.name[...]]
        guard parts.allSatisfy(Self.isPathPart) else {
            throw .badRequest("owner and name are made of letters, digits, -, _ and .")
        }
        return "https://\(host)/\(self.owner)/\(self.name)"
    }

    private static func isPathPart(_ part: Substring) -> Bool {
        !part.isEmpty && part != "." && part != ".."
            && part.utf8.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }

    /// Clients make links of it: no other scheme, and nothing that breaks out of an attribute.
    static func checkedWebURL(_ url: String) throws(ControlPlaneError) -> String {
        let isWeb = ["https://", "http://"].contains { url.utf8.starts(with: $0.utf8) }
        guard isWeb, url.utf8.allSatisfy({ (0x21...0x7E).contains($0) && !#""<>\^`{|}"#.utf8.contains($0) }) else {
            throw .badRequest("the URL of a repository begins with https:// or http:// and is percent-encoded")
        }
        return url
    }
}

extension CallerTransaction {
    private func visibleRepo(_ id: UUID) throws -> Repo? {
        try self.first(
            "SELECT \(Repo.columns(of: "r")) FROM repos AS r WHERE r.id = $2 AND \(Sees.repo("r"))", [.uuid(id)])
    }

    fileprivate func requireRepo(_ id: UUID) throws -> Repo {
        guard let repo = try self.visibleRepo(id) else {
            throw ControlPlaneError.notFound("there is no such repository")
        }
        return repo
    }

    /// The repositories of a project, which the caller sees, in the order in which they were connected.
    func repos(of project: UUID, page: PageRequest) throws -> Page<Repo> {
        let linked: Page<LinkedRepo> = try self.page(
            page,
            """
            SELECT \(Repo.columns(of: "r")), l.created_at, l.id
            FROM project_repos AS l JOIN repos AS r ON r.id = l.repo_id
            WHERE l.project_id = $2
            """, [.uuid(project)], by: Keyset(time: "l.created_at", id: "l.id", order: .oldestFirst)
        ) { ($0.linkedAt, $0.linkID) }
        return Page(items: linked.items.map(\.repo), next: linked.next)
    }

    /// Finds the row by its natural key or makes it; an existing row is never changed by connecting (§9.3).
    ///
    /// The row is locked against ``ControlOperations/updateRepo(_:_:defaultBranch:url:)``, which asks who is linked.
    fileprivate func shared(_ reference: RepoReference) throws -> UUID {
        let key = [
            try Input.text(reference.provider, "provider"), try Input.text(reference.owner, "owner"),
            try Input.text(reference.name, "name"),
        ]
        let url = try Input.text(reference.checkedURL(), "url")
        _ = try self.session.execute(
            """
            INSERT INTO repos (provider, owner, name, default_branch, url) VALUES ($1, $2, $3, $4, $5)
            ON CONFLICT (provider, owner, name) DO NOTHING
            """, key + [try Input.text(reference.defaultBranch, "default_branch"), url])
        let found = try self.session.execute(
            "SELECT id FROM repos WHERE provider = $1 AND owner = $2 AND name = $3 FOR SHARE", key)
        guard let id = found.first?[0].uuid else { preconditionFailure("Nobody deletes a repository") }
        return UUID(id)
    }
}

/// A repository with its place in the list of a project.
private struct LinkedRepo: TableRow {
    static let columns = Repo.columns + ["created_at", "id"]

    let repo: Repo
    let linkedAt: WallTime
    let linkID: UUID

    init(_ reader: inout RowReader) {
        self.repo = Repo(&reader)
        self.linkedAt = reader.time()
        self.linkID = reader.uuid()
    }
}

extension ControlOperations {
    /// Links a repository with a project; a link that is there stays. Returns the stored row, whatever the request says
    /// of branch and URL.
    package func connectRepo(_ caller: Caller, to project: UUID, _ reference: RepoReference) async throws -> Repo {
        try await self.write(caller) { transaction in
            _ = try transaction.requireProject(project)
            let id = try transaction.shared(reference)
            _ = try transaction.session.execute(
                """
                INSERT INTO project_repos (project_id, repo_id) VALUES ($1, $2)
                ON CONFLICT (project_id, repo_id) DO NOTHING
                """, [.uuid(project), .uuid(id)])
            return try transaction.requireRepo(id)
        }
    }

    /// Unlinks; a link that is not there is no error.
    package func disconnectRepo(_ caller: Caller, from project: UUID, _ repo: UUID) async throws {
        try await self.write(caller) { transaction in
            _ = try transaction.requireProject(project)
            _ = try transaction.session.execute(
                "DELETE FROM project_repos WHERE project_id = $1 AND repo_id = $2", [.uuid(project), .uuid(repo)])
        }
    }

    package func listRepos(_ caller: Caller, of project: UUID, page: PageRequest = .first) async throws -> Page<Repo> {
        try await self.read(caller) { transaction in
            _ = try transaction.requireProject(project)
            return try transaction.repos(of: project, page: page)
        }
    }

    package func repo(_ caller: Caller, _ id: UUID) async throws -> Repo {
        try await self.read(caller) { try $0.requireRepo(id) }
    }

    /// Changes a shared row: only for a caller who sees every project that is linked with it.
    package func updateRepo(
        _ caller: Caller, _ id: UUID, defaultBranch: Patch<String> = .keep, url: Patch<String> = .keep
    ) async throws -> Repo {
        try await self.write(caller) { transaction in
            let repo = try transaction.requireRepo(id)
            // From here nobody links it until we are done.
            _ = try transaction.session.execute("SELECT FROM repos WHERE id = $1 FOR NO KEY UPDATE", [.uuid(id)])
            let hidden = try transaction.execute(
                """
                SELECT FROM project_repos AS l JOIN projects AS p ON p.id = l.project_id
                WHERE l.repo_id = $2 AND NOT coalesce(\(Sees.project("p")), false)
                LIMIT 1
                """, [.uuid(id)])
            guard hidden.count == 0 else {
                throw ControlPlaneError.forbidden("projects that you do not see use this repository")
            }
            var set = Assignments(toRow: id)
            try set.assign("default_branch", defaultBranch) { try Input.text($0, "default_branch") }
            let checkedURL = try repo.checked(url)
            try set.assign("url", checkedURL) { try Input.text($0, "url") }
            try transaction.session.update("repos", set: set)
            return try transaction.requireRepo(id)
        }
    }
}

extension Repo {
    /// A change of the URL, if the provider leaves one open.
    fileprivate func checked(_ url: Patch<String>) throws(ControlPlaneError) -> Patch<String> {
        var reference = RepoReference(provider: self.provider, owner: self.owner, name: self.name)
        let computed = try reference.checkedURL()
        switch url {
        case .keep: return .keep
        case .clear:
            guard computed == nil else { throw .badRequest("the URL of this repository is computed") }
            return .clear
        case .set(let new):
            reference.url = new
            return try reference.checkedURL().map { .set($0) } ?? .clear
        }
    }
}
