import Foundation
import Testing

/// The rules that a compiler does not hold (CONTRIBUTING.md): the tree is read as text.
struct TidyTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    struct File {
        let path: String
        let lines: [String]

        /// The first folder below `Sources` or `Tests`.
        var target: String { String(self.path.split(separator: "/").dropFirst().first ?? "") }

        /// Without comments, which may name what the code may not.
        var code: [(number: Int, text: String)] {
            self.lines.enumerated().compactMap { number, line in
                let text = line.trimmingCharacters(in: .whitespaces)
                return text.hasPrefix("//") || text.hasPrefix("*") ? nil : (number + 1, line)
            }
        }
    }

    static func files(below folder: String, ending: String = ".swift") -> [File] {
        let base = Self.root.appending(path: folder)
        guard let paths = FileManager.default.enumerator(atPath: base.path()) else { return [] }
        return paths.compactMap { $0 as? String }.filter { $0.hasSuffix(ending) }.sorted().compactMap { path in
            guard let text = try? String(contentsOf: base.appending(path: path), encoding: .utf8) else { return nil }
            return File(path: "\(folder)/\(path)", lines: text.components(separatedBy: "\n"))
        }
    }

    static let sources = files(below: "Sources")

    /// Who may import what: the arrows of docs/architecture.md.
    static let arrows: [String: Set<String>] = [
        "Nostr": ["CSecp256k1", "CLibCrypto", "CMemory", "Synchronization", "Swift"],
        "Postgres": ["CLibPQ", "Logging", "Glibc", "Synchronization", "Dispatch"],
        "LineFiles": ["CZlib", "CZstd", "Glibc"],
        "RelayClient": [
            "Nostr", "Logging", "Glibc", "Synchronization", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOSSL", "NIOTLS",
            "NIOWebSocket", "NIOConcurrencyHelpers",
        ],
        "NostrCache": ["Nostr", "Postgres", "Logging"],
        "ControlPlane": ["Postgres", "Crypto", "FoundationEssentials", "Logging", "Synchronization"],
        "RelayWorld": [
            "Nostr", "CSecp256k1", "Logging", "NIOCore", "NIOPosix", "NIOHTTP1", "NIOWebSocket",
            "NIOConcurrencyHelpers",
            "Glibc", "Synchronization",
        ],
        "Ingest": [
            "CMemory", "Nostr", "LineFiles", "RelayClient", "NostrCache", "Postgres", "Logging", "Metrics",
            "ServiceLifecycle", "NIOCore", "NIOPosix", "Synchronization", "Glibc",
        ],
        "Providers": [
            "Nostr", "RelayClient", "NostrCache", "Postgres", "Logging", "Metrics", "ServiceLifecycle", "NIOCore",
        ],
        "Serving": [
            "Nostr", "Postgres", "ArgumentParser", "Configuration", "CoreMetrics", "Foundation", "Glibc", "HTTPTypes",
            "Hummingbird", "HummingbirdCore", "Logging", "Metrics", "NIOCore", "NIOHTTP1", "NIOHTTPTypes", "NIOPosix",
            "ServiceLifecycle", "Synchronization", "UnixSignals", "Yams",
        ],
        // No relay, no cache: of Nostr it takes the JSON parser and the clock's words (docs/decisions/0018).
        "control-plane": [
            "ControlPlane", "Serving", "Postgres", "Nostr", "ArgumentParser", "AsyncHTTPClient", "CoreMetrics",
            "Foundation",
            "Glibc", "HTTPTypes", "JWTKit", "Logging", "Metrics", "NIOCore", "NIOHTTP1", "ServiceLifecycle",
            "Synchronization",
        ],
    ]

    @Test func `the tree holds sources`() {
        #expect(Self.sources.count > 50)
    }

    @Test(arguments: arrows.keys.sorted())
    func `a target imports only what stands below it`(target: String) {
        let allowed = Self.arrows[target] ?? []
        for file in Self.sources where file.target == target {
            for (number, line) in file.code {
                let words = line.split(separator: " ")
                guard let index = words.firstIndex(of: "import"), index <= 1, index + 1 < words.count else { continue }
                let module = String(words[index + 1])
                #expect(allowed.contains(module), "\(file.path):\(number) imports \(module)")
            }
        }
    }

    @Test(arguments: [
        "public ", "try!", " as!", "@unchecked", "nonisolated(unsafe)", " Task {", "Task.detached", "fatalError(",
        "TODO", "FIXME", "XXX",
    ])
    func `a word that hides a decision occurs nowhere`(word: String) {
        for file in Self.sources {
            for (number, line) in file.code where line.contains(word) {
                Issue.record("\(file.path):\(number) says '\(word)'")
            }
        }
    }

    @Test func `data definition stands in the migrations alone`() throws {
        let pattern = try Regex(
            #"\b(CREATE|ALTER|DROP)\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW|SEQUENCE|SCHEMA|EXTENSION|TYPE|ROLE)\b"#)
        // The made-up network of RelayWorld talks of tables; the benchmark makes its own database.
        for file in Self.sources where !["RelayWorld", "ingest-bench"].contains(file.target) {
            for (number, line) in file.code where line.contains(pattern) {
                Issue.record("\(file.path):\(number) defines data")
            }
        }
    }

    @Test func `SQL takes parameters, never values`() throws {
        let pattern = try Regex(#"(WHERE|VALUES|SET)\b[^"]*'\\\("#)
        for file in Self.sources {
            for (number, line) in file.code where line.contains(pattern) {
                Issue.record("\(file.path):\(number) interpolates into SQL")
            }
        }
    }

    @Test func `a file has one subject, hence at most four hundred lines`() {
        for file in Self.sources + Self.files(below: "Tests") where file.lines.count > 400 {
            Issue.record("\(file.path) has \(file.lines.count) lines")
        }
    }

    @Test func `every state machine has a test file of its own`() {
        let tests = Set(Self.files(below: "Tests").map { $0.path.split(separator: "/").last.map(String.init) ?? "" })
        for name in [
            "RelaySession", "StreamFollower", "BackfillWindow", "EventQueue", "MigrationPlan", "WebSocketDecoder",
        ] {
            #expect(tests.contains("\(name)Tests.swift"))
        }
    }

    @Test func `the top level holds what the README names, and nothing else`() throws {
        let expected: Set<String> = [
            ".ci", ".gitattributes", ".gitignore", ".swift-format", "CHANGELOG.md", "CONTRIBUTING.md", "Makefile",
            "Package.swift", "README.md", "Sources", "Tests", "config", "docs", "migrations", "systemd",
        ]
        // What is built, fetched or started lies beside it, and is ignored by git.
        let ignored: Set<String> = [
            ".build", ".git", ".swiftpm", ".venv", "Package.resolved", "bench-results", "reports", "state",
        ]
        let found = Set(try FileManager.default.contentsOfDirectory(atPath: Self.root.path())).subtracting(ignored)
        #expect(found == expected)
    }
}
