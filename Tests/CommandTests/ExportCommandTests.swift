import Foundation
import Nostr
import RelayWorld
import TestSupport
import Testing

@testable import nostr_ingest

struct ExportCommandTests {
    private func file() -> EventLines {
        var file = EventLines()
        for (number, author) in ["a", "b", "a", "c"].enumerated() {
            file.add(
                file.event(1, by: author, at: 1_700_000_000 + Int64(number), "note \(number) é\u{1F980}\n\"\\/\u{7F}"))
        }
        file.add(
            file.event(1_111, at: 1_700_000_009, tags: [["I", "https://clawstr.com/c/x"], ["K", "web"], []], ""))
        file.add(file.event(30_023, tags: [["d", "e\u{301}\t"], ["t", "\u{1}"]], "article"))
        return file
    }

    private func lines(_ path: String) throws -> [String] {
        try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").map(String.init)
    }

    @Test func `what was imported is exported as it was signed, kind by kind and newest first`() async throws {
        try await withFiles { directory in
            let file = self.file()
            let path = try file.write(to: directory + "/in.jsonl")
            try await CommandDatabase.withSchema { database in
                let imported = try database.run(["import", path])
                #expect(imported.status == 0, "\(imported.error)")
                let out = directory + "/out.jsonl"
                let result = try database.run(["export", out, "--json"])
                #expect(result.status == 0, "\(result.error)")
                #expect(result.output == "{\"exported\":6,\"damaged\":[]}\n")
                let order = [3, 2, 1, 0, 4, 5].map { file.lines[$0] }
                #expect(try self.lines(out) == order)

                // Data goes to standard output, everything else elsewhere.
                let piped = try database.run(["export"])
                #expect(piped.output == order.joined(separator: "\n") + "\n")
                #expect(piped.error == "exported 6, damaged 0\n")

                #expect(try database.run(["export", out]).status == 73)
                #expect(try database.run(["export", out, "--force", "--kind", "1111"]).status == 0)
                #expect(try self.lines(out) == [file.lines[4]])
            }
        }
    }

    @Test(arguments: [".jsonl", ".jsonl.gz", ".jsonl.zst"])
    func `an export that is imported elsewhere gives the same export`(ending: String) async throws {
        try await withFiles { directory in
            let path = try self.file().write(to: directory + "/in.jsonl")
            let (first, second) = (directory + "/1" + ending, directory + "/2" + ending)
            try await CommandDatabase.withSchema { database in
                let imported = try database.run(["import", path])
                #expect(imported.status == 0, "\(imported.error)")
                #expect(try database.run(["export", first]).status == 0)
            }
            try await CommandDatabase.withSchema { database in
                let result = try database.run(["import", first])
                #expect(result.output.contains("received 6 = written 6 "), "\(result.output)\(result.error)")
                #expect(try database.run(["export", second]).status == 0)
            }
            let exports = try [first, second].map { try Data(contentsOf: URL(filePath: $0)) }
            #expect(exports[0] == exports[1])
        }
    }

    @Test func `selections`() async throws {
        try await withFiles { directory in
            let file = self.file()
            let path = try file.write(to: directory + "/in.jsonl")
            let author = try #require(JSONValue(parsing: file.lines[0])?["pubkey"]?.string)
            try await CommandDatabase.withSchema { database in
                let imported = try database.run(["import", path])
                #expect(imported.status == 0, "\(imported.error)")
                for (arguments, expected) in [
                    (["--kind", "1", "30023"], [3, 2, 1, 0, 5]), (["--author", author, "--kind", "1"], [2, 0]),
                    (["--since", "1700000002", "--until", "1700000003"], [2]), (["--until", "1700000000"], []),
                ] as [([String], [Int])] {
                    let result = try database.run(["export"] + arguments)
                    #expect(result.output.split(separator: "\n").map(String.init) == expected.map { file.lines[$0] })
                }
                for arguments in [["--author", "npub"], ["--since", "x"], ["--since", "2", "--until", "1"]] {
                    #expect(try database.run(["export"] + arguments).status == 64)
                }
            }
        }
    }

    @Test func `expired rows stay at home unless asked for`() async throws {
        try await withFiles { directory in
            let expiration = "\(EventLines.now + 86_400)"
            var file = EventLines()
            file.add(file.event(1, tags: [["expiration", expiration]], "for a while"))
            let path = try file.write(to: directory + "/in.jsonl")
            try await CommandDatabase.withSchema { database in
                let imported = try database.run(["import", path])
                #expect(imported.status == 0, "\(imported.error)")
                _ = try await database.column("UPDATE nostr_events SET expires_at = 1")
                #expect(try database.run(["export"]).output == "")
                #expect(try database.run(["export", "--include-expired"]).output == file.lines[0] + "\n")
            }
        }
    }

    @Test func `a row that is no event any more is named and left out`() async throws {
        try await withFiles { directory in
            let file = self.file()
            let path = try file.write(to: directory + "/in.jsonl")
            let id = try #require(JSONValue(parsing: file.lines[4])?["id"]?.string)
            try await CommandDatabase.withSchema { database in
                let imported = try database.run(["import", path])
                #expect(imported.status == 0, "\(imported.error)")
                _ = try await database.column("UPDATE nostr_events SET content = 'forged' WHERE kind = 1111")
                let result = try database.run(["export"])
                #expect(result.status == 1)
                #expect(result.output.split(separator: "\n").count == 5)
                #expect(result.error.contains("row \(id) is no event any more"))
            }
        }
    }
}
