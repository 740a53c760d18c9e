import Postgres
import Testing

struct PostgresErrorTests {
    @Test(
        arguments: [
            ("08006", .connection), ("08P01", .connection), ("57P01", .connection), ("57P02", .connection),
            ("57P03", .connection), ("57P05", .connection), ("53300", .connection), ("25P03", .connection),
            ("40001", .transient), ("40P01", .transient), ("55P03", .transient), ("57014", .transient),
            ("53100", .resource), ("53200", .resource), ("53400", .resource),
            ("25006", .readOnly),
            ("22021", .data), ("22P02", .data), ("22P05", .data), ("23505", .data), ("23514", .data), ("54000", .data),
            ("54001", .data),
            ("26000", .staleStatement),
            ("42P01", .schemaOrRights), ("42703", .schemaOrRights), ("3F000", .schemaOrRights),
            ("42501", .schemaOrRights),
            ("21000", .ourBug), ("25P02", .ourBug), ("34000", .ourBug), ("42601", .ourBug), ("42883", .ourBug),
            ("0A000", .ourBug), ("P0001", .ourBug),
            ("28000", .authentication), ("28P01", .authentication), ("3D000", .authentication),
            ("57P04", .authentication),
            ("58030", .corruption), ("XX000", .corruption), ("XX001", .corruption), ("XX002", .corruption),
        ] as [(String, PostgresError.Category)])
    func `a SQLSTATE decides what to do`(sqlState: String, category: PostgresError.Category) {
        let error = PostgresError.server(ServerError(sqlState: sqlState))
        #expect(error.category == category)
        #expect(error.sqlState == sqlState)
    }

    @Test func `only the routine tells a stale plan from a missing feature`() {
        let stale = ServerError(sqlState: "0A000", message: "x", routine: "RevalidateCachedQuery")
        let missing = ServerError(sqlState: "0A000", message: "cached plan must not change result type")
        #expect(stale.category == .staleStatement)
        #expect(missing.category == .ourBug)
    }

    @Test(
        arguments: [
            (.connectionFailed(message: ""), .connection), (.notConnected, .connection),
            (.deadlineExceeded, .connection),
            (.outOfMemory, .resource), (.unexpected(message: ""), .ourBug),
            (.invalidConfiguration(message: ""), .schemaOrRights),
            (.unsupportedServer(message: ""), .schemaOrRights),
        ] as [(PostgresError, PostgresError.Category)])
    func `an error without SQLSTATE has a category, too`(error: PostgresError, category: PostgresError.Category) {
        #expect(error.category == category)
        #expect(error.sqlState == nil)
    }

    @Test(arguments: PostgresError.Category.allCases)
    func `what may pass is transient`(category: PostgresError.Category) {
        let samples: [PostgresError.Category: String] = [
            .connection: "08006", .transient: "40001", .resource: "53100", .readOnly: "25006", .data: "22021",
            .staleStatement: "26000", .schemaOrRights: "42P01", .ourBug: "42601", .authentication: "28P01",
            .corruption: "XX001",
        ]
        let transient: Set<PostgresError.Category> = [.connection, .transient, .resource, .readOnly, .staleStatement]
        let error = PostgresError.server(ServerError(sqlState: samples[category] ?? ""))
        #expect(error.category == category)
        #expect(error.isTransient == transient.contains(category))
    }

    @Test func `a description names table and constraint and never holds DETAIL`() {
        let error = PostgresError.server(
            ServerError(
                sqlState: "23514", message: "new row violates a constraint", detail: "Failing row contains (secret).",
                table: "events", constraint: "events_id_length"))
        #expect(
            error.description == "ERROR 23514: new row violates a constraint, table events, constraint events_id_length"
        )
    }

    @Test func `a description of a data exception does not quote the value`() {
        let error = PostgresError.server(ServerError(sqlState: "22P02", message: "invalid input syntax: \"secret\""))
        #expect(error.description == "ERROR 22P02")
    }
}
