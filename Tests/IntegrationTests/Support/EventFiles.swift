import Foundation
import Nostr
import TestSupport

/// Events in files: real ones, which stay where they are and are no part of the repository, and those of a test.
enum EventFiles {
    /// In the folder `shared` beside the repository, or where `NOSTR_SHARED` points. Tests run in the package's root.
    private static let folder: URL = {
        let environment = ProcessInfo.processInfo.environment["NOSTR_SHARED"]
        let root = URL(filePath: FileManager.default.currentDirectoryPath)
        return (environment.map { URL(filePath: $0) } ?? root.appending(path: "../shared")).appending(
            path: "data/events")
    }()

    static let arePresent = FileManager.default.fileExists(atPath: Self.path("dev.jsonl"))

    static func path(_ name: String) -> String { Self.folder.appending(path: name).path() }

    /// The lines of a file, without their line feeds.
    static func lines(_ path: String) throws -> [[UInt8]] {
        [UInt8](try Data(contentsOf: URL(filePath: path))).split(separator: 0x0A).map(Array.init)
    }

    static func events(_ lines: [[UInt8]]) throws -> [Event] {
        try lines.map { try Event(parsing: $0.span) }
    }

    /// Writes lines to a new file and returns its path.
    static func write(_ lines: [[UInt8]], _ name: String) throws -> String {
        let directory = TestDirectory.make("events")
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        let path = "\(directory)/\(name)"
        try Data(lines.map { $0 + [0x0A] }.joined()).write(to: URL(filePath: path))
        return path
    }
}
