import ControlPlane
import CoreMetrics
import Foundation
import Glibc
import Logging
import Nostr
import Postgres
import ServiceLifecycle
import Serving
import Synchronization

/// Everything that `serve` runs, wired together.
struct ControlService {
    let configuration: ControlConfiguration
    let postgres: PostgresConfiguration
    let environment: [String: String]
    let logCounts: LogCounts
    let logger: Logger

    /// Requests under way may end for so long; the longest statement has 30 s, a client's patience less.
    private static let drainLimit: Duration = .seconds(20)

    func run() async throws {
        let registry = PrometheusRegistry(describing: APICounters.descriptions, logger: self.logger)
        MetricsSystem.bootstrap(registry)
        var limits = ConnectionPool.Limits()
        limits.connections = self.configuration.database.connections
        let pool = ConnectionPool(configuration: self.postgres, limits: limits, logger: self.logger)
        let database = ControlDatabase(pool: pool, logger: self.logger)
        let board = DatabaseWatch.Board()
        let counters = APICounters(factory: registry)
        let watch = DatabaseWatch(configuration: self.postgres, board: board, logger: self.logger)

        let keys = self.keyStore(counters)
        await keys?.store.load()
        let api = ControlAPI(
            plane: ControlOperations(database: database, operators: Set(self.configuration.operators)),
            authenticator: Authenticator(
                database: database, verifyJWT: keys?.verifier.verify, logger: self.logger),
            settings: self.configuration.api, counters: counters, logger: self.logger)

        // Started in this order, stopped in reverse: readiness and metrics answer until the last request is done.
        var services: [ServiceGroupConfiguration.ServiceConfiguration] = [
            .init(service: watch),
            .init(service: NotifyWatch(environment: self.environment, board: board, counters: counters)),
            .init(service: Pruning(administration: ControlAdministration(database: database), logger: self.logger)),
        ]
        if let address = self.configuration.health.listen {
            services.append(.init(service: self.healthListener(address, board, registry, counters)))
        }
        services.append(.init(service: self.apiListener(api)))
        let supervisor = ServiceSupervisor(drainLimit: Self.drainLimit, logger: self.logger) {
            board.update { $0.isDraining = true }
        }
        do {
            try await supervisor.run(services)
        } catch {
            await pool.close()
            await keys?.fetcher.close()
            throw error
        }
        await pool.close()
        await keys?.fetcher.close()
    }

    /// Nil without configuration: then only tokens are accepted.
    private func keyStore(
        _ counters: APICounters
    ) -> (fetcher: KeyFetcher, store: KeyStore, verifier: JWTVerifier)? {
        let auth = self.configuration.auth
        guard auth.isConfigured, let location = KeyLocation(auth.jwks) else { return nil }
        let fetcher = KeyFetcher(location)
        let store = KeyStore(logger: self.logger) { try await fetcher.fetch() }
        let policy = JWTPolicy(issuer: auth.issuer, audience: auth.audience, algorithms: Set(auth.algorithms))
        let verifier = JWTVerifier(policy: policy, keys: store, onRefusal: { counters.refusedJWT($0) })
        return (fetcher, store, verifier)
    }

    private func apiListener(_ api: ControlAPI) -> HTTPListener {
        HTTPListener(
            address: self.configuration.api.listen, limits: self.configuration.api.limits, logger: self.logger,
            onListening: { [logger] address in
                logger.info("The API is served", metadata: ["http.address": "\(address)"])
            },
            answer: { await api.answer($0) })
    }

    private func healthListener(
        _ address: ListenAddress, _ board: DatabaseWatch.Board, _ registry: PrometheusRegistry, _ counters: APICounters
    ) -> QueryServer {
        let health: @Sendable () -> ControlHealth = {
            let wall = Timestamp(max(0, Int64(Date().timeIntervalSince1970)))
            return ControlHealth(picture: board.snapshot, now: (.now, wall))
        }
        let logCounts = self.logCounts
        return QueryServer(
            address: address, metricPrefix: APICounters.prefix + "health_", report: { health().report() },
            metrics: {
                health().families + counters.families + registry.families()
                    + logCounts.families(prefix: APICounters.prefix) + ProcessFamilies.all
            },
            onListening: { [logger] address in
                logger.info("Health and metrics are served", metadata: ["http.address": "\(address)"])
            },
            logger: self.logger)
    }
}

/// Tells systemd how it goes, once a second.
private struct NotifyWatch: Service {
    let environment: [String: String]
    let board: DatabaseWatch.Board
    let counters: APICounters

    func run() async throws {
        guard let notifier = SystemdNotifier(environment: self.environment) else {
            try await gracefulShutdown()
            return
        }
        let interval = SystemdNotifier.watchdogInterval(environment: self.environment, pid: getpid())
        let state = Mutex(NotifyState(watchdogInterval: interval))
        try? await cancelWhenGracefulShutdown {
            while true {
                for datagram in state.withLock({ $0.datagrams(self.observation, at: .now) }) { notifier.send(datagram) }
                try await Task.sleep(for: .seconds(1))
            }
        }
        // A stop that was quicker than a second has been said, too.
        var last = self.observation
        last.isDraining = true
        for datagram in state.withLock({ $0.datagrams(last, at: .now) }) { notifier.send(datagram) }
    }

    private var observation: NotifyState.Observation {
        let picture = self.board.snapshot
        let database = picture.lastError == nil ? "up" : "down"
        return NotifyState.Observation(
            isReady: picture.answeredAt != nil, isDraining: picture.isDraining, inFlight: self.counters.inFlight,
            unit: "requests", ticks: [picture.tick],
            status: "\(self.counters.inFlight) requests in flight, database \(database)")
    }
}

/// Removes old revoked tokens and idempotency keys, once an hour.
private struct Pruning: Service {
    private static let interval: Duration = .seconds(3_600)

    let administration: ControlAdministration
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do {
                    let pruned = try await self.administration.prune()
                    self.logger.debug(
                        "Pruned",
                        metadata: ["token.count": "\(pruned.tokens)", "key.count": "\(pruned.idempotencyKeys)"])
                } catch is CancellationError {
                    return
                } catch {
                    self.logger.warning("Pruning failed and is tried again", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.interval)
            }
        }
    }
}
