/// Where somebody writes and reads (NIP-65): kind 10002.
///
/// Fetch from a user at the user's write relays, about a user at the user's read relays. A relay that is named here is
/// anybody's claim: whether it may be dialled is for `AddressGuard` to decide.
package struct RelayList: Sendable {
    package struct Entry: Hashable, Sendable {
        package let url: RelayURL
        package fileprivate(set) var isRead: Bool
        package fileprivate(set) var isWrite: Bool
    }

    /// In the order of the tags, each relay once.
    package let entries: [Entry]
    package let flags: Flags

    /// NIP-65 asks for two to four of each kind; longer lists cost connections.
    package static let entriesMax = 16

    package init(_ event: Event) {
        var entries: [Entry] = []
        var indices: [RelayURL: Int] = [:]
        var flags: Flags = []
        for tag in event.tags where tag.isNamed("r") {
            guard let value = tag.value else { continue }
            guard let url = RelayURL(value.string) else {
                flags.insert(.badTag)
                continue
            }
            let marker = tag.nonEmpty(2)
            let isRead = marker?.equals("read") ?? false
            let isWrite = marker?.equals("write") ?? false
            // No marker means both, and so does one that nobody knows.
            let isBoth = isRead == isWrite
            if isBoth, marker != nil { flags.insert(.unknownMarker) }
            if let index = indices[url] {
                entries[index].isRead = entries[index].isRead || isRead || isBoth
                entries[index].isWrite = entries[index].isWrite || isWrite || isBoth
            } else if entries.count < Self.entriesMax {
                indices[url] = entries.count
                entries.append(Entry(url: url, isRead: isRead || isBoth, isWrite: isWrite || isBoth))
            } else {
                flags.insert(.tooMany)
            }
        }
        self.entries = entries
        self.flags = flags
    }

    package var read: [RelayURL] { self.entries.filter(\.isRead).map(\.url) }

    package var write: [RelayURL] { self.entries.filter(\.isWrite).map(\.url) }
}
