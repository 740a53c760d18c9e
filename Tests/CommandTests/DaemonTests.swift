import Foundation
import Glibc
import Logging
import Nostr
import Postgres
import Serving
import TestSupport
import Testing

@testable import nostr_ingest

/// The daemon's life from the outside: a database, systemd's socket, a monitoring script, a signal. Its relay is nobody:
/// what happens with relays is tested with the ingest.
struct DaemonTests {
    static let arguments = [
        "--primary", "ws://127.0.0.1:1", "--allow-private", "--health-listen", "127.0.0.1:0", "--log-format", "json",
        "--log-level", "info",
    ]

    @Test func `from an empty server to a drained stop`() async throws {
        try await CommandDatabase.with { url in
            let environment = ["DATABASE_URL": url]
            func run(_ arguments: [String]) throws -> Program.Result {
                try Program.run(Program.path("nostr-ingest"), arguments + Self.arguments, environment: environment)
            }

            // Somebody else's server is never migrated by the daemon.
            #expect(try run(["migrate", "status"]).status == 1)
            let refused = try run(["run"])
            #expect(refused.status == 78)
            #expect(refused.error.contains("run 'nostr-ingest migrate up'"))
            #expect(try run(["migrate", "up", "--dry-run"]).output.contains("would apply  0001_"))
            #expect(try run(["migrate", "up"]).status == 0)
            #expect(try run(["migrate", "status"]).status == 0)

            let socket = try NotifySocket()
            let daemon = try Program.Running(
                Program.path("nostr-ingest"), ["run"] + Self.arguments,
                environment: environment.merging(["NOTIFY_SOCKET": socket.path, "WATCHDOG_USEC": "20000000"]) { $1 })
            #expect(socket.wait(for: "READY=1"))
            #expect(socket.wait(for: "WATCHDOG=1"))

            // The listener may be a moment later; every datagram is a reason to look again.
            func listening() -> ListenAddress? {
                daemon.logged("http.address", in: "Health and metrics are served").flatMap { ListenAddress($0) }
            }
            while listening() == nil, socket.wait(for: "=") {}
            let address = try #require(listening())
            #expect(try await HealthClient.get("/livez", from: address).status == 200)
            // Nobody answers, but the grace has just begun.
            let ready = try await HealthClient.get("/readyz?verbose", from: address)
            #expect(ready.status == 200, "\(ready.body)")
            #expect(try await HealthClient.get("/startupz", from: address).status == 503)
            let scrape = try ExpositionParser.parse(try await HealthClient.get("/metrics", from: address).body)
            let up = try #require(scrape.first { $0.name == "nostr_ingest_database_up" })
            #expect(up.samples.map(\.value) == [1])
            let health = try run(["health", "--url", "http://\(address)"])
            #expect(health.status == 1, "\(health.output)")
            #expect(health.output.hasPrefix("warn: "))

            let status = try run(["status", "--json"])
            #expect(status.status == 0, "\(status.error)")
            let document = try #require(JSONValue(parsing: status.output.trimmingCharacters(in: .newlines)))
            #expect(document["profiles"]?.integer == 0)

            daemon.terminate()
            #expect(socket.wait(for: "STOPPING=1"))
            #expect(daemon.wait() == 0, "\(daemon.error)")
        }
    }

    @Test func `a second daemon waits for the first one's end`() async throws {
        try await CommandDatabase.with { url in
            let environment = ["DATABASE_URL": url]
            #expect(
                try Program.run(Program.path("nostr-ingest"), ["migrate", "up"], environment: environment).status == 0)
            func start() throws -> (NotifySocket, Program.Running) {
                let socket = try NotifySocket()
                let daemon = try Program.Running(
                    Program.path("nostr-ingest"), ["run"] + Self.arguments,
                    environment: environment.merging(["NOTIFY_SOCKET": socket.path]) { $1 })
                return (socket, daemon)
            }
            let (first, holder) = try start()
            #expect(first.wait(for: "database writing"))
            let (second, standby) = try start()
            #expect(second.wait(for: "database standby"))
            // Killed, not stopped: its lock dies with its connection.
            holder.kill()
            #expect(second.wait(for: "database writing"))
            standby.terminate()
            #expect(standby.wait() == 0)
            _ = holder.wait()
        }
    }
}
