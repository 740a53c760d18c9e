import Foundation

/// Real events by real people, which are no part of the repository: in the folder `shared` beside it, or where
/// `NOSTR_SHARED` points. Tests run in the package's root.
package enum SharedFiles {
    private static let folder: URL = {
        let environment = ProcessInfo.processInfo.environment["NOSTR_SHARED"]
        let root = URL(filePath: FileManager.default.currentDirectoryPath)
        return environment.map { URL(filePath: $0) } ?? root.appending(path: "../shared")
    }()

    package static let areHere = FileManager.default.fileExists(atPath: Self.events("dev.jsonl"))

    package static func events(_ name: String) -> String { Self.folder.appending(path: "data/events/\(name)").path() }
}
