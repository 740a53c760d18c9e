import Foundation
import Glibc
import Logging
import Nostr
import Postgres
import RelayWorld
import TestSupport
import Testing

@testable import nostr_ingest

/// Lines of events for a file, and what they should come to.
struct EventLines {
    private(set) var lines: [String] = []
    static let now = Int64(Date.now.timeIntervalSince1970)

    func event(
        _ kind: UInt16 = 1, by author: String = "a", at createdAt: Int64 = 1_700_000_000, tags: [[String]] = [],
        _ content: String = ""
    ) -> String {
        let signer = Signer()
        let key = signer.key(named: author)
        let body = Event.Body(
            pubkey: key.publicKey, createdAt: Timestamp(createdAt), kind: Kind(kind), tags: tags, content: content)
        return String(decoding: signer.sign(body, with: key).json, as: UTF8.self)
    }

    mutating func add(_ line: String) { self.lines.append(line) }

    @discardableResult
    func write(to path: String) throws -> String {
        try self.lines.joined(separator: "\n").write(toFile: path, atomically: true, encoding: .utf8)
        return path
    }
}

struct ImportCommandTests {
    /// Every outcome and a good many reasons, once each unless said otherwise.
    private func everything() -> EventLines {
        var file = EventLines()
        for number in 0..<3 { file.add(file.event(1, "note \(number)\u{1F980}\n\"/\u{7F}")) }
        file.add(file.event(1, "note 0\u{1F980}\n\"/\u{7F}"))
        file.add(file.event(0, at: 1_700_000_001, #"{"name":"new"}"#))
        file.add(file.event(0, at: 1_700_000_000, #"{"name":"old"}"#))
        file.add("")
        file.add("   ")
        file.add(file.event(1, "forged").replacing("forged", with: "forges"))
        file.add("{\"id\":")
        file.add("[]")
        file.add(file.event(9_734))
        file.add(file.event(20_001))
        file.add(file.event(1, "nul \0"))
        file.add(file.event(1, at: EventLines.now + 86_400, "future"))
        file.add(file.event(1, tags: [["expiration", "1700000001"]], "expired"))
        file.add(#"{"content":""# + String(repeating: "x", count: 1_200_000) + "\"}")
        return file
    }

    private static let everythingJSON =
        #"{"complete":true,"dryRun":false,"received":15,"written":4,"duplicate":1,"replaced":1,"deleted":0,"#
        + #""rejected":{"bad_id":1,"ephemeral":1,"expired":1,"future":1,"malformed_json":1,"not_object":1,"#
        + #""nul_in_text":1,"policy":1,"too_large":1},"unaccounted":0,"kinds":{"#
        + #""0":{"written":1,"duplicate":0,"replaced":1,"deleted":0,"rejected":{}},"#
        + #""1":{"written":3,"duplicate":1,"replaced":0,"deleted":0,"#
        + #""rejected":{"bad_id":1,"expired":1,"future":1,"nul_in_text":1}},"#
        + #""9734":{"written":0,"duplicate":0,"replaced":0,"deleted":0,"rejected":{"policy":1}},"#
        + #""20001":{"written":0,"duplicate":0,"replaced":0,"deleted":0,"rejected":{"ephemeral":1}},"#
        + #""unreadable":{"written":0,"duplicate":0,"replaced":0,"deleted":0,"#
        + #""rejected":{"malformed_json":1,"not_object":1,"too_large":1}}}}"#

    @Test func `every line has its outcome, and a second run only adds duplicates`() async throws {
        try await withFiles { directory in
            let path = try self.everything().write(to: directory + "/all.jsonl")
            try await CommandDatabase.withSchema { database in
                let first = try database.run(["import", path, "--json"])
                #expect(first.status == 0, "\(first.error)")
                #expect(first.output == Self.everythingJSON + "\n")
                #expect(try await database.column("SELECT count(*)::text FROM nostr_events") == ["4"])
                #expect(
                    try await database.column("SELECT reason FROM nostr_quarantine ORDER BY reason")
                        == ["future", "nul_in_text"])

                let second = try database.run(["import", path])
                #expect(second.status == 0, "\(second.error)")
                #expect(
                    second.output.hasSuffix(
                        "received 15 = written 0 + duplicate 5 + replaced 1 + deleted 0 + rejected 9; unaccounted 0\n"),
                    "\(second.output)")
                #expect(try await database.column("SELECT count(*)::text FROM nostr_events") == ["4"])
            }
        }
    }

    @Test func `refused lines are kept with their reason, and can be imported again`() async throws {
        try await withFiles { directory in
            let file = self.everything()
            let path = try file.write(to: directory + "/all.jsonl")
            let rejects = directory + "/rejects.jsonl"
            let result = try Program.run(
                Program.path("nostr-ingest"), ["import", path, "--dry-run", "--rejects", rejects])
            #expect(result.status == 0, "\(result.error)")
            let lines = try String(contentsOfFile: rejects, encoding: .utf8).split(separator: "\n")
            let refusals = try lines.map { try #require(JSONValue(parsing: String($0))) }
            #expect(
                refusals.map { "\($0["line"]?.integer ?? 0) \($0["reason"]?.string ?? "")" } == [
                    "9 bad_id", "10 malformed_json", "11 not_object", "12 policy", "13 ephemeral", "14 nul_in_text",
                    "15 future", "16 expired", "17 too_large",
                ])
            #expect(refusals.dropLast().map { $0["text"]?.string } == file.lines[8..<16].map { $0 })
            #expect(refusals.last?["text"] == .null)
            // Somebody's file is not overwritten.
            let again = try Program.run(
                Program.path("nostr-ingest"), ["import", path, "--dry-run", "--rejects", rejects])
            #expect(again.status == 73)
            #expect(again.error.contains("exists already"))
        }
    }

    @Test func `a dry run verifies and needs no database`() async throws {
        try await withFiles { directory in
            let path = try self.everything().write(to: directory + "/all.jsonl")
            let result = try Program.run(
                Program.path("nostr-ingest"), ["import", path, "--dry-run", "--kind", "0", "9734"],
                environment: ["DATABASE_URL": "host=/nonexistent dbname=x"])
            #expect(result.status == 0, "\(result.error)")
            #expect(result.output.hasSuffix("received 15 = valid 2 + rejected 13; unaccounted 0\n"), "\(result.output)")
        }
    }

    @Test(arguments: [("gzip", ".gz"), ("zstd", ".zst")])
    func `packed files are unpacked, and one that was cut off is named`(program: String, ending: String) async throws {
        try await withFiles { directory in
            let path = try self.everything().write(to: directory + "/all.jsonl")
            let pack = try Program.run("/usr/bin/env", [program, path])
            #expect(pack.status == 0, "\(pack.error)")
            let whole = try Program.run(Program.path("nostr-ingest"), ["import", path + ending, "--dry-run"])
            #expect(whole.output.hasSuffix("received 15 = valid 6 + rejected 9; unaccounted 0\n"), "\(whole.error)")

            let data = try Data(contentsOf: URL(filePath: path + ending))
            let cut = directory + "/cut.jsonl" + ending
            try data.prefix(data.count - 5).write(to: URL(filePath: cut))
            let broken = try Program.run(Program.path("nostr-ingest"), ["import", cut, "--dry-run"])
            #expect(broken.status == 65)
            #expect(broken.error.contains("\(cut): ends at byte \(data.count - 5) in the middle"), "\(broken.error)")
        }
    }

    @Test func `a file that is not there is 74 and named`() throws {
        let result = try Program.run(Program.path("nostr-ingest"), ["import", "/nonexistent/x.jsonl", "--dry-run"])
        #expect(result.status == 74)
        #expect(result.error == "nostr-ingest: /nonexistent/x.jsonl: cannot be opened: No such file or directory\n")
    }

    @Test func `killed in the middle it is run again, and costs duplicates only`() async throws {
        try await withFiles { directory in
            var file = EventLines()
            for number in 0..<200 { file.add(file.event(1, at: 1_700_000_000 + Int64(number), "\(number)")) }
            let path = try file.write(to: directory + "/all.jsonl")
            let pipe = directory + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            try await CommandDatabase.withSchema { database in
                let listener = try await PostgresConnection.open(
                    PostgresConfiguration(connectionString: database.url), logger: .silent)
                try await listener.run { try $0.executeScript("LISTEN nostr_events") }
                let running = try Program.Running(
                    Program.path("nostr-ingest"), ["import", pipe], environment: ["DATABASE_URL": database.url])
                let end = try FileHandle(forWritingTo: URL(filePath: pipe))
                let half = file.lines.prefix(100).joined(separator: "\n") + "\n"
                try end.write(contentsOf: Data(half.utf8))
                // The pipe stays open: what has arrived is committed nevertheless.
                var committed = 0
                while committed < 100 {
                    let heard = try await listener.run { try $0.notifications(waitingUpTo: .seconds(30)) }
                    try #require(!heard.isEmpty, "\(running.error)")
                    committed = Int(try await database.column("SELECT count(*)::text FROM nostr_events")[0]) ?? 0
                }
                running.kill()
                #expect(running.wait() != 0)
                try end.close()
                await listener.close()

                let again = try database.run(["import", path])
                #expect(
                    again.output.contains("received 200 = written 100 + duplicate 100 + replaced 0"), "\(again.error)")
                #expect(try await database.column("SELECT count(*)::text FROM nostr_events") == ["200"])
            }
        }
    }

    @Test func `a signal ends the wait for a silent pipe with 130`() async throws {
        try await withFiles { directory in
            let pipe = directory + "/pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            let running = try Program.Running(
                Program.path("nostr-ingest"), ["import", pipe, "--dry-run"], environment: [:])
            // Opening it for writing returns when the program reads, and by then it listens for signals.
            let end = try FileHandle(forWritingTo: URL(filePath: pipe))
            running.terminate()
            #expect(running.wait() == 130)
            #expect(running.output.hasSuffix("interrupted: run it again to continue\n"), "\(running.output)")
            try end.close()
        }
    }
}
