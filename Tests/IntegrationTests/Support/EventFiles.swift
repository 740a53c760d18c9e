import Foundation
import Nostr
import TestSupport

/// Events in files: real ones, which stay where they are and are no part of the repository, and those of a test.
enum EventFiles {
    static let arePresent = SharedFiles.areHere

    static func path(_ name: String) -> String { SharedFiles.events(name) }

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
