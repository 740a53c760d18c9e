import Foundation
import Nostr

/// Real events, which stay where they are and are no part of the repository.
///
/// They are in the folder `shared` beside the repository, or where `NOSTR_SHARED` points. Tests run in the package's root.
enum SharedEvents {
    static let folder: URL = {
        let environment = ProcessInfo.processInfo.environment["NOSTR_SHARED"]
        let root = URL(filePath: FileManager.default.currentDirectoryPath)
        return (environment.map { URL(filePath: $0) } ?? root.appending(path: "../shared")).appending(
            path: "data/events")
    }()

    static let isPresent = FileManager.default.fileExists(atPath: Self.folder.appending(path: "dev.jsonl").path())

    /// The lines of a file, without their line feeds.
    static func lines(_ name: String) throws -> [[UInt8]] {
        let data = try Data(contentsOf: self.folder.appending(path: name))
        return [UInt8](data).split(separator: 0x0A).map(Array.init)
    }
}

/// The seven members of an event as Foundation reads them: a reader that shares nothing with ours.
struct FoundationEvent {
    let id, pubkey, content, sig: String
    let createdAt, kind: Int64
    let tags: [[String]]

    /// Nil unless every member is there with its type; `tags: null` reads as none.
    init?(_ json: [UInt8]) {
        guard let object = try? JSONSerialization.jsonObject(with: Data(json)) as? [String: Any],
            let id = object["id"] as? String, let pubkey = object["pubkey"] as? String,
            let content = object["content"] as? String, let sig = object["sig"] as? String,
            let createdAt = object["created_at"] as? Int64, let kind = object["kind"] as? Int64
        else { return nil }
        guard let tags = object["tags"] is NSNull ? [] : object["tags"] as? [[String]] else { return nil }
        self.id = id
        self.pubkey = pubkey
        self.content = content
        self.sig = sig
        self.createdAt = createdAt
        self.kind = kind
        self.tags = tags
    }

    /// Whether the members are those of `event`, byte by byte.
    func equals(_ event: Event) -> Bool {
        guard event.id.description == self.id, event.pubkey.description == self.pubkey,
            event.sig.description == self.sig,
            event.createdAt.seconds == self.createdAt, Int64(event.kind.rawValue) == self.kind,
            event.content.utf8.elementsEqual(self.content.utf8)
        else { return false }
        let tags = event.tags.strings
        return tags.count == event.tagCount
            && tags.elementsEqual(self.tags) { $0.elementsEqual($1) { $0.utf8.elementsEqual($1.utf8) } }
    }
}
