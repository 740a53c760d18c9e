/// What a client asks for (NIP-01): all conditions must hold, any value of a list will do.
///
/// A list is nil or holds at least one value: relays disagree on what an empty one means.
package struct Filter: Hashable, Sendable {
    package var ids: [EventID]?
    package var authors: [PublicKey]?
    package var kinds: [Kind]?
    /// Conditions on tag values, by the single letter of the tag's name; case matters.
    package var tags: [TagCondition] = []
    package var since: Timestamp?
    package var until: Timestamp?
    package var limit: Int?

    package struct TagCondition: Hashable, Sendable {
        /// An ASCII letter.
        package let name: UInt8
        package let values: [String]

        package init(name: UInt8, values: [String]) {
            self.name = name
            self.values = values
        }

        /// By bytes: to `String`, two spellings of one grapheme are one text.
        package static func == (left: TagCondition, right: TagCondition) -> Bool {
            left.name == right.name
                && left.values.elementsEqual(right.values) { $0.utf8.elementsEqual($1.utf8) }
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(self.name)
            for value in self.values { hasher.combine(Array(value.utf8)) }
        }
    }

    package init() {}

    package init(kinds: [Kind]) {
        self.kinds = kinds
    }
}

// MARK: - Matching

extension Filter {
    /// Whether `event` is what this filter asks for; `limit` plays no part.
    ///
    /// Relays send events nobody asked for, so every one is looked at again.
    package func matches(_ event: Event) -> Bool {
        if let kinds = self.kinds, !kinds.contains(event.kind) { return false }
        if let since = self.since, event.createdAt < since { return false }
        if let until = self.until, event.createdAt > until { return false }
        if let authors = self.authors, !authors.contains(event.pubkey) { return false }
        if let ids = self.ids, !ids.contains(event.id) { return false }
        guard !self.tags.isEmpty else { return true }
        let tags = event.tags
        return self.tags.allSatisfy { condition in
            tags.contains { tag in
                guard tag[0]?.letter == condition.name, let value = tag[1]?.bytes else { return false }
                return condition.values.contains { $0.utf8.elementsEqual(value) }
            }
        }
    }
}

// MARK: - JSON

extension Filter {
    /// Why a JSON document is no filter; the text names the member.
    package struct Malformed: Error, Equatable, Sendable, CustomStringConvertible {
        package let description: String
    }

    /// Reads a filter, refusing members that NIP-01 does not know, members that occur twice and lists that are empty.
    package init(_ json: JSONValue) throws(Malformed) {
        guard case .object(let members) = json else { throw Malformed(description: "a filter is a JSON object") }
        var names: Set<[UInt8]> = []
        for member in members {
            guard names.insert(Array(member.name.utf8)).inserted else {
                throw Malformed(description: "'\(member.name)' occurs twice in a filter")
            }
            switch member.name {
            case "ids":
                self.ids = try Self.list(member) { $0.string.flatMap(EventID.init(hex:)) }
            case "authors":
                self.authors = try Self.list(member) { $0.string.flatMap(PublicKey.init(hex:)) }
            case "kinds":
                self.kinds = try Self.list(member) { $0.integer.flatMap(UInt16.init(exactly:)).map(Kind.init(_:)) }
            case "since": self.since = Timestamp(try Self.integer(member))
            case "until": self.until = Timestamp(try Self.integer(member))
            case "limit": self.limit = Int(try Self.integer(member))
            default:
                let name = Array(member.name.utf8)
                guard name.count == 2, name[0] == UInt8(ascii: "#"), (name[1] | 0x20) &- UInt8(ascii: "a") < 26 else {
                    throw Malformed(description: "unknown member '\(member.name)' in a filter")
                }
                self.tags.append(TagCondition(name: name[1], values: try Self.list(member, \.string)))
            }
        }
    }

    private static func list<Value>(
        _ member: JSONValue.Member, _ read: (JSONValue) -> Value?
    ) throws(Malformed) -> [Value] {
        guard let elements = member.value.array, !elements.isEmpty else {
            throw Malformed(description: "'\(member.name)' in a filter is a list of at least one value")
        }
        var values: [Value] = []
        for element in elements {
            guard let value = read(element) else {
                throw Malformed(
                    description: "'\(member.name)' in a filter holds \(element.text), which is no valid value")
            }
            values.append(value)
        }
        return values
    }

    private static func integer(_ member: JSONValue.Member) throws(Malformed) -> Int64 {
        guard let value = member.value.integer, value <= Timestamp.max.seconds else {
            throw Malformed(description: "'\(member.name)' in a filter is an integer from 0 to 2^53 - 1")
        }
        return value
    }

    /// The filter as JSON, members in a fixed order.
    package var json: JSONValue {
        var members: [JSONValue.Member] = []
        func add(_ name: String, _ values: [String]?) {
            guard let values else { return }
            members.append(.init(name: name, value: .array(values.map(JSONValue.string))))
        }
        add("ids", self.ids?.map(\.description))
        add("authors", self.authors?.map(\.description))
        if let kinds = self.kinds {
            members.append(.init(name: "kinds", value: .array(kinds.map { .number($0.description) })))
        }
        for condition in self.tags { add("#\(Character(Unicode.Scalar(condition.name)))", condition.values) }
        if let since = self.since { members.append(.init(name: "since", value: .number(since.description))) }
        if let until = self.until { members.append(.init(name: "until", value: .number(until.description))) }
        if let limit = self.limit { members.append(.init(name: "limit", value: .number(String(limit)))) }
        return .object(members)
    }

    /// The text whose SHA-256 names a stream: members sorted by bytes, values sorted and unique, no `since`, `until` or
    /// `limit`. The same question in another order has the same name, hence the same coverage.
    package var canonicalText: String {
        var members: [JSONValue.Member] = []
        func unique<Value: Hashable & Comparable>(_ values: [Value]) -> [Value] { Set(values).sorted() }
        func add(_ name: String, _ values: [String]) {
            members.append(.init(name: name, value: .array(values.map(JSONValue.string))))
        }
        if let ids = self.ids { add("ids", unique(ids).map(\.description)) }
        if let authors = self.authors { add("authors", unique(authors).map(\.description)) }
        if let kinds = self.kinds {
            members.append(.init(name: "kinds", value: .array(unique(kinds).map { .number($0.description) })))
        }
        for condition in self.tags {
            // By bytes: `Set` of `String` would merge two spellings of one grapheme.
            let values = Set(condition.values.map { Array($0.utf8) }).sorted { $0.lexicographicallyPrecedes($1) }
            add("#\(Character(Unicode.Scalar(condition.name)))", values.map { String(decoding: $0, as: UTF8.self) })
        }
        members.sort { Array($0.name.utf8).lexicographicallyPrecedes(Array($1.name.utf8)) }
        return JSONValue.object(members).text
    }
}
