import Glibc
import Postgres

extension PostgresConnection {
    /// The error that the body ends with, or nil.
    func error(_ body: @Sendable (PostgresSession) throws -> Void) async -> PostgresError? {
        do {
            try await self.run(body)
            return nil
        } catch {
            return error as? PostgresError
        }
    }

    /// The first cell of a statement's first row, as text.
    func text(_ sql: String) async throws -> String? {
        try await self.run { try $0.execute(sql).first?[0].text }
    }
}

/// Makes time pass at once, and remembers how much of it.
actor Waits {
    private(set) var all: [Duration] = []

    func add(_ duration: Duration) {
        self.all.append(duration)
    }
}

/// Waits for something that another process does; the limit is for a broken test, not for a slow machine.
func eventually(_ condition: () async throws -> Bool) async rethrows -> Bool {
    for _ in 0..<2000 {
        if try await condition() { return true }
        usleep(10_000)
    }
    return false
}
