package import Logging
import Metrics
import Nostr
package import NostrCache
package import Postgres
import ServiceLifecycle

/// Asks the web servers that profiles name what they say of them, slowly, and never in the way of ingest.
///
/// It has a connection of its own and shares nothing with the line from frame to row. A web server that lies, hangs or
/// floods costs one request of its host's turn. Of several daemons one asks: the holder of an advisory lock.
package struct LookupWorker: Service {
    private let settings: ProviderSettings
    private let database: PostgresConfiguration
    private let rules: CacheRules
    private let fetch: WebFetch
    private let logger: Logger
    private let sleep: @Sendable (Duration) async throws -> Void

    package init(
        settings: ProviderSettings, database: PostgresConfiguration, rules: CacheRules, fetch: WebFetch,
        logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.settings = settings
        self.database = database
        self.rules = rules
        self.fetch = fetch
        self.logger = logger
        self.sleep = sleep
    }

    /// Between two looks at what is due.
    private static let pause: Duration = .seconds(60)
    /// Claims of one kind that are taken on at once: some minutes of work, after which the due ones are looked at again.
    private static let claimsMax = 200

    package func run() async throws {
        for about in Question.About.allCases {
            for outcome in Question.Outcome.allCases { Self.count(about, outcome, 0) }
        }
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                var isBusy = false
                do {
                    isBusy = try await self.pass()
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.warning("Look-ups pause", metadata: ["error": "\(error)"])
                }
                if !isBusy { try? await self.sleep(Self.pause) }
            }
        }
    }

    /// Asks what is due; whether there was more than fits into one pass.
    ///
    /// - Throws: `PostgresError`, `CancellationError`.
    package func pass() async throws -> Bool {
        let connection = try await PostgresConnection.open(self.database, logger: self.logger)
        do {
            let isBusy = try await self.pass(on: connection)
            await connection.close()
            return isBusy
        } catch {
            await connection.close()
            throw error
        }
    }

    private func pass(on connection: PostgresConnection) async throws -> Bool {
        // It ends with the connection. Where it is held, another daemon's worker is at it.
        guard try await WriterLock(connection: connection, for: .lookups).tryAcquire() else { return false }
        let lookups = Lookups(connection: connection)
        try await lookups.forgetOrphans()
        var claims: [(Question.About, Lookups.Claim)] = []
        if self.settings.confirmsZaps {
            claims += try await lookups.dueAddresses(limit: Self.claimsMax).map { (.lightning, $0) }
        }
        if self.settings.checksIdentifiers {
            claims += try await lookups.dueIdentifiers(limit: Self.claimsMax).map { (.nip05, $0) }
        }
        let isBusy = claims.count >= Self.claimsMax
        var hosts: [String: [Question]] = [:]
        for (about, claim) in claims {
            if let question = Question(about, claim) {
                hosts[question.url.host, default: []].append(question)
            } else {
                try await self.record(.refused(reason: "no address"), about, claim, url: nil, lookups)
            }
        }
        try await self.ask(hosts.sorted { $0.key < $1.key }.map(\.value), lookups)
        return isBusy
    }

    // MARK: - Asking

    /// Asks host by host, a few at the same time, one question after the other of each.
    private func ask(_ hosts: [[Question]], _ lookups: Lookups) async throws {
        let turns = Turns(RequestPace(perMinute: self.settings.requestsPerMinute))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            for (index, questions) in hosts.enumerated() {
                if index >= self.settings.hostsMax { try await tasks.next() }
                tasks.addTask {
                    for question in questions {
                        try await self.sleep(await turns.wait(for: question.url.host))
                        try await self.ask(question, lookups)
                    }
                }
            }
            try await tasks.waitForAll()
        }
    }

    /// The pace, shared by the tasks of the hosts.
    private actor Turns {
        private var pace: RequestPace

        init(_ pace: RequestPace) { self.pace = pace }

        func wait(for host: String) -> Duration { self.pace.turn(to: host, now: .now) }
    }

    private func ask(_ question: Question, _ lookups: Lookups) async throws {
        let answer = try await self.fetch.document(at: question.url, redirectsMax: question.about.redirectsMax)
        try await self.record(question.verdict(on: answer), question.about, question.claim, url: question.url, lookups)
    }

    // MARK: - Recording

    private func record(
        _ verdict: Question.Verdict, _ about: Question.About, _ claim: Lookups.Claim, url: ProviderURL?,
        _ lookups: Lookups
    ) async throws {
        let next = self.settings.refreshEvery
        let retry = self.settings.retry(after: claim.failures + 1)
        switch (about, verdict) {
        case (.lightning, .key(let key)):
            try await self.confirm(key, for: claim.pubkey)
            try await lookups.record(address: claim, url: url?.description, refusal: nil, next: next)
            Self.count(about, .found)
        case (.lightning, .refused(let reason)):
            try await lookups.record(address: claim, url: url?.description, refusal: reason, next: next)
            Self.count(about, .refused)
        case (.lightning, .failed(let reason)):
            try await lookups.record(address: claim, url: url?.description, failure: reason, next: retry)
            Self.count(about, .failed)
        case (.nip05, .key(let key)):
            let isVerified = key == claim.pubkey
            try await lookups.record(
                identifier: claim, isVerified: isVerified, reason: isVerified ? nil : "names another key", next: next,
                expiry: self.settings.verdictLimit)
            Self.count(about, isVerified ? .found : .refused)
        case (.nip05, .refused(let reason)):
            try await lookups.record(
                identifier: claim, isVerified: false, reason: reason, next: next, expiry: self.settings.verdictLimit)
            Self.count(about, .refused)
        case (.nip05, .failed(let reason)):
            try await lookups.record(identifier: claim, failure: reason, next: retry)
            Self.count(about, .failed)
        }
        if case .failed(let reason) = verdict {
            self.logger.debug(
                "A look-up failed", metadata: ["lookup.host": "\(url?.host ?? "")", "lookup.reason": "\(reason)"])
        }
    }

    /// Enters the key into the history of the recipient's providers, and raises the receipts that it signed.
    ///
    /// It writes to the cache, so it needs a writer's connection; it happens once a recipient and day.
    private func confirm(_ key: PublicKey, for recipient: PublicKey) async throws {
        let (connection, _) = try await CacheWriter.open(self.database, rules: self.rules, logger: self.logger)
        do {
            let confirmed = try await ZapProviders(connection: connection, rules: self.rules).confirm(
                key, for: recipient)
            Counter(label: "nostr_ingest_zaps_confirmed_total").increment(by: confirmed)
            await connection.close()
        } catch {
            await connection.close()
            throw error
        }
    }

    private static func count(_ about: Question.About, _ outcome: Question.Outcome, _ by: Int = 1) {
        Counter(
            label: "nostr_ingest_lookups_total",
            dimensions: [("about", about.rawValue), ("outcome", outcome.rawValue)]
        ).increment(by: by)
    }
}

extension ProviderSettings {
    /// Doubling from the first to the limit.
    func retry(after failures: Int) -> Duration {
        min(self.retryLimit, self.retryFirst * Int64(1 << min(20, max(0, failures - 1))))
    }
}
