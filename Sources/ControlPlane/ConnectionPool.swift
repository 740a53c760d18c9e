package import Logging
package import Postgres
import Synchronization

/// At most so many connections, opened when needed, given to whoever waits longest.
package final class ConnectionPool: Sendable {
    package struct Limits: Sendable {
        /// Each is a thread here and a process on the server.
        package var connections = 8
        /// Callers that wait for one. A caller beyond is turned away at once: it would only wait longer.
        package var waiting = 256

        package init() {}
    }

    private struct State {
        var free: Int
        var idle: [PostgresConnection] = []
        var waiting: [(number: Int, continuation: CheckedContinuation<Void, any Error>)] = []
        var lastNumber = 0
        /// Cancelled before they began to wait.
        var cancelled: Set<Int> = []
        var isClosed = false
    }

    private enum Entry {
        case now
        case later
        case refused(any Error)
    }

    private let configuration: PostgresConfiguration
    private let limits: Limits
    private let logger: Logger
    private let state: Mutex<State>

    package init(configuration: PostgresConfiguration, limits: Limits = Limits(), logger: Logger) {
        self.configuration = configuration
        self.limits = limits
        self.logger = logger
        self.state = Mutex(State(free: limits.connections))
    }

    /// Runs the body with a connection that is nobody else's meanwhile. One that broke is not given out again.
    func withConnection<Result>(_ body: (PostgresConnection) async throws -> Result) async throws -> Result {
        try await self.enter()
        defer { self.leave() }
        let connection = try await self.usableConnection()
        do {
            let result = try await body(connection)
            await self.giveBack(connection)
            return result
        } catch {
            await self.giveBack(connection)
            throw error
        }
    }

    /// Hangs up. Calls under way end as they may; new ones are refused.
    package func close() async {
        let (idle, waiting) = self.state.withLock { state in
            state.isClosed = true
            defer {
                state.idle = []
                state.waiting = []
            }
            return (state.idle, state.waiting)
        }
        for entry in waiting { entry.continuation.resume(throwing: ControlDatabaseError.closed) }
        for connection in idle { await connection.close() }
    }

    private func usableConnection() async throws -> PostgresConnection {
        while let connection = self.state.withLock({ $0.idle.popLast() }) {
            if await connection.isUsable { return connection }
            await connection.close()
        }
        return try await PostgresConnection.open(self.configuration, logger: self.logger)
    }

    private func giveBack(_ connection: PostgresConnection) async {
        let isUsable = await connection.isUsable
        let isKept = self.state.withLock { state in
            guard isUsable, !state.isClosed else { return false }
            state.idle.append(connection)
            return true
        }
        if !isKept { await connection.close() }
    }

    /// Callers that wait for a connection.
    package var waitingCount: Int { self.state.withLock { $0.waiting.count } }

    // MARK: - Places

    /// Suspends until there is a place.
    private func enter() async throws {
        let number = self.state.withLock { state in
            state.lastNumber += 1
            return state.lastNumber
        }
        defer { self.state.withLock { _ = $0.cancelled.remove(number) } }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let entry = self.state.withLock { state -> Entry in
                    if state.cancelled.remove(number) != nil { return .refused(CancellationError()) }
                    if state.isClosed { return .refused(ControlDatabaseError.closed) }
                    if state.free > 0 {
                        state.free -= 1
                        return .now
                    }
                    guard state.waiting.count < self.limits.waiting else {
                        return .refused(ControlDatabaseError.overloaded)
                    }
                    state.waiting.append((number, continuation))
                    return .later
                }
                switch entry {
                case .now: continuation.resume()
                case .later: break
                case .refused(let error): continuation.resume(throwing: error)
                }
            }
        } onCancel: {
            let continuation = self.state.withLock { state -> CheckedContinuation<Void, any Error>? in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                    // Not waiting yet, or in already: the first is told when it comes, the second forgets it.
                    state.cancelled.insert(number)
                    return nil
                }
                return state.waiting.remove(at: index).continuation
            }
            continuation?.resume(throwing: CancellationError())
        }
    }

    /// Gives the place to whoever waits longest.
    private func leave() {
        let next = self.state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst().continuation
        }
        next?.resume()
    }
}
