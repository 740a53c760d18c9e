import Logging

/// Why no key is at hand.
enum KeyStoreError: Error, Equatable {
    case unknownKey
    /// The auth service never answered, or not for a day.
    case unavailable
}

/// The keys of the external auth: asked for by many requests, fetched by one of them at a time.
actor KeyStore {
    private let fetch: @Sendable () async throws -> [UInt8]
    private let now: @Sendable () -> ContinuousClock.Instant
    private let logger: Logger
    private var cache = KeyCache<JSONWebKeySet>()
    /// Who waits for the fetch that runs; nil when none does.
    private var waiting: [CheckedContinuation<Void, Never>]?

    init(
        logger: Logger, now: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
        fetch: @escaping @Sendable () async throws -> [UInt8]
    ) {
        self.fetch = fetch
        self.now = now
        self.logger = logger
    }

    /// The key that the header of a token names.
    func key(id: String?, for algorithm: SignatureAlgorithm) async throws(KeyStoreError) -> VerificationKey {
        while true {
            let action = self.cache.action(at: self.now()) { $0.key(id: id, for: algorithm) != nil }
            if case .use(let keys) = action, let key = keys.key(id: id, for: algorithm) { return key }
            if self.waiting != nil {
                await withCheckedContinuation { self.waiting?.append($0) }
                continue
            }
            switch action {
            case .fetch: await self.refresh()
            case .unknownKey, .use: throw .unknownKey
            case .unavailable: throw .unavailable
            }
        }
    }

    /// At the start, so that the first request need not wait and an operator sees at once what is wrong.
    func load() async {
        guard self.waiting == nil else { return }
        await self.refresh()
    }

    private func refresh() async {
        self.cache.attempted(at: self.now())
        self.waiting = []
        do {
            guard let keys = await JSONWebKeySet(try await self.fetch()) else { throw KeyFetchError.notAKeySet }
            self.cache.fetched(keys, at: self.now())
            self.logger.info("The keys of the auth service are known", metadata: ["key.count": "\(keys.keys.count)"])
        } catch {
            self.logger.warning("The keys of the auth service cannot be had", metadata: ["error": "\(error)"])
        }
        let waiting = self.waiting ?? []
        self.waiting = nil
        for continuation in waiting { continuation.resume() }
    }
}
