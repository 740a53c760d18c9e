package import Nostr

/// What a complete cache must hold, computed from the events alone and with none of the code that the daemon uses for it.
///
/// NIP-01 (versions, ephemeral kinds), NIP-09 (deletion requests), NIP-40 (expiration) and NIP-62 (vanish requests to all
/// relays), as if every event had been received at ``now``, in any order.
package struct SupersessionOracle: Sendable {
    package let now: Timestamp
    /// Whether kinds 5 and 62 have an effect on other events.
    package var appliesDeletions = true
    package var futureSecondsMax: Int64 = 900

    package init(now: Timestamp) {
        self.now = now
    }

    /// Why an event is not held.
    package enum Absence: String, CaseIterable, Sendable, Comparable {
        case duplicate, neverStored, nulInText, future, expired, superseded, deleted, vanished

        package static func < (left: Absence, right: Absence) -> Bool { left.rawValue < right.rawValue }
    }

    package struct State: Sendable {
        /// By ascending id.
        package let held: [Event]
        /// Events received and not held, the same event twice included.
        package let absent: [Absence: Int]

        package var ids: [EventID] { self.held.map(\.id) }
    }

    package func state(after events: some Sequence<Event>) -> State {
        var absent: [Absence: Int] = [:]
        var received: [EventID: Event] = [:]
        for event in events {
            let absence = received[event.id] == nil ? self.refusal(of: event) : .duplicate
            if let absence { absent[absence, default: 0] += 1 } else { received[event.id] = event }
        }
        let known = received.values.sorted { $0.id < $1.id }
        var marks = Marks()
        if self.appliesDeletions { for event in known { marks.add(event) } }
        let heads = Self.heads(of: known)
        var held: [Event] = []
        for event in known {
            if let absence = marks.absence(of: event) {
                absent[absence, default: 0] += 1
            } else if let coordinate = Coordinate(of: event), heads[coordinate]?.id != event.id {
                absent[.superseded, default: 0] += 1
            } else {
                held.append(event)
            }
        }
        return State(held: held, absent: absent)
    }

    private func refusal(of event: Event) -> Absence? {
        let kind = event.kind.rawValue
        if (20_000...29_999).contains(kind) || [13, 14, 9734, 22242].contains(kind) { return .neverStored }
        if event.canonical.hasEscapedNUL { return .nulInText }
        if event.createdAt.seconds > self.now.seconds + self.futureSecondsMax { return .future }
        if kind != 5, kind != 62, let text = Self.value("expiration", event.tags.strings),
            let time = Self.seconds(text), time <= self.now.seconds
        {
            return .expired
        }
        return nil
    }

    /// The newest version of each coordinate, ties by lowest id. A version that was deleted still replaces older ones.
    private static func heads(of events: [Event]) -> [Coordinate: Event] {
        var heads: [Coordinate: Event] = [:]
        // By ascending id: of two versions of one second the first one seen stays.
        for event in events {
            guard let coordinate = Coordinate(of: event) else { continue }
            if let head = heads[coordinate], head.createdAt >= event.createdAt { continue }
            heads[coordinate] = event
        }
        return heads
    }

    // MARK: Tags

    fileprivate static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    /// The value of the first tag of that name; nil if there is no such tag or it has none.
    fileprivate static func value(_ name: String, _ tags: [[String]]) -> String? {
        guard let tag = tags.first(where: { $0.first.map(self.bytes) == self.bytes(name) }) else { return nil }
        return tag.count > 1 ? tag[1] : nil
    }

    /// All values of that name.
    fileprivate static func values(_ name: String, _ tags: [[String]]) -> [String] {
        tags.compactMap { $0.count > 1 && self.bytes($0[0]) == self.bytes(name) ? $0[1] : nil }
    }

    /// The number that `text` writes as NIP-40 wants it.
    private static func seconds(_ text: String) -> Int64? {
        let digits = self.bytes(text)
        guard !digits.isEmpty, digits.allSatisfy({ $0 >= 48 && $0 <= 57 }), digits.count == 1 || digits[0] != 48,
            let value = Int64(text), value < 1 << 53
        else { return nil }
        return value
    }

    // MARK: Coordinates

    /// What versions replace each other at: kind, author and `d`, compared by bytes.
    fileprivate struct Coordinate: Hashable {
        let kind: UInt16
        let pubkey: String
        let identifier: [UInt8]

        init?(of event: Event) {
            let number = event.kind.rawValue
            guard let isAddressable = Self.isAddressable(number) else { return nil }
            self.kind = number
            self.pubkey = event.pubkey.description
            let identifier = isAddressable ? SupersessionOracle.value("d", event.tags.strings) ?? "" : ""
            self.identifier = SupersessionOracle.bytes(identifier)
        }

        /// Reads `kind:pubkey:d`; the last colon may be missing where `d` plays no part.
        init?(_ address: String) {
            let parts = SupersessionOracle.bytes(address)
                .split(separator: UInt8(ascii: ":"), maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count >= 2, let number = UInt16(String(decoding: parts[0], as: UTF8.self)),
                String(number).utf8.elementsEqual(parts[0]), let isAddressable = Self.isAddressable(number),
                parts.count == 3 || !isAddressable
            else { return nil }
            self.kind = number
            self.pubkey = String(decoding: parts[1], as: UTF8.self)
            self.identifier = isAddressable ? Array(parts[2]) : []
        }

        /// Nil for kinds without versions.
        private static func isAddressable(_ kind: UInt16) -> Bool? {
            switch kind {
            case 0, 3, 10_000...19_999: false
            case 30_000...39_999: true
            default: nil
            }
        }
    }

    // MARK: Deletions

    /// What requests to delete and to vanish have said, whatever they came before or after.
    private struct Marks {
        private var ids: Set<[String]> = []
        private var coordinates: [Coordinate: Int64] = [:]
        /// The vanish request with the latest time of each author.
        private var vanishes: [String: Event] = [:]

        mutating func add(_ event: Event) {
            let (author, time) = (event.pubkey.description, event.createdAt.seconds)
            switch event.kind.rawValue {
            case 5:
                for id in SupersessionOracle.values("e", event.tags.strings) { self.ids.insert([id, author]) }
                for address in SupersessionOracle.values("a", event.tags.strings) {
                    guard let coordinate = Coordinate(address), coordinate.pubkey == author else { continue }
                    self.coordinates[coordinate] = max(self.coordinates[coordinate] ?? time, time)
                }
            case 62 where SupersessionOracle.values("relay", event.tags.strings).contains("ALL_RELAYS"):
                if let last = self.vanishes[author], last.createdAt >= event.createdAt { return }
                self.vanishes[author] = event
            default: break
            }
        }

        func absence(of event: Event) -> Absence? {
            let author = event.pubkey.description
            let kind = event.kind.rawValue
            // A gift wrap (NIP-59) is its recipient's to delete.
            let owners = [author] + (kind == 1059 ? SupersessionOracle.values("p", event.tags.strings) : [])
            for owner in owners {
                if let vanish = self.vanishes[owner], vanish.id != event.id, event.createdAt <= vanish.createdAt {
                    return .vanished
                }
            }
            guard kind != 5, kind != 62 else { return nil }
            if owners.contains(where: { self.ids.contains([event.id.description, $0]) }) { return .deleted }
            if let coordinate = Coordinate(of: event), let until = self.coordinates[coordinate] {
                return event.createdAt.seconds <= until ? .deleted : nil
            }
            return nil
        }
    }
}

extension [UInt8] {
    /// Whether canonical JSON holds U+0000, whose only spelling there is `\u0000`.
    fileprivate var hasEscapedNUL: Bool {
        var index = 0
        let escape = Array("u0000".utf8)
        while index < self.count {
            if self[index] == UInt8(ascii: "\\") {
                if self[(index + 1)...].starts(with: escape) { return true }
                index += 1
            }
            index += 1
        }
        return false
    }
}
