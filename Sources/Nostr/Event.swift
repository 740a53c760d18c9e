import CMemory

/// What a relay sent; nothing about it is proven until it is a ``VerifiedEvent``.
///
/// The text of an event lives once, as its canonical bytes `[0,"<pubkey>",<created_at>,<kind>,<tags>,"<content>"]`
/// (NIP-01): what is hashed, what is stored and what is read are the same bytes, so they cannot disagree. Tags and
/// content are views into them; strings are made only where somebody asks for one.
///
/// One reference in size: an event moves from array to array on its way to a row, and copying three hundred bytes each time
/// was a tenth of what it costs beside its verification.
package struct Event: Hashable, Sendable {
    private final class Storage: Sendable {
        let id: EventID
        let pubkey: PublicKey
        let createdAt: Timestamp
        let kind: Kind
        let contentIsEscaped: Bool
        let hasNUL: Bool
        let tagCount: Int
        let tagsRange: Range<Int>
        let contentRange: Range<Int>
        let canonical: [UInt8]
        let sig: Signature

        init(
            id: EventID, pubkey: PublicKey, createdAt: Timestamp, kind: Kind, sig: Signature, canonical: [UInt8],
            tagsRange: Range<Int>, contentRange: Range<Int>, contentIsEscaped: Bool, hasNUL: Bool, tagCount: Int
        ) {
            self.id = id
            self.pubkey = pubkey
            self.createdAt = createdAt
            self.kind = kind
            self.sig = sig
            self.canonical = canonical
            self.tagsRange = tagsRange
            self.contentRange = contentRange
            self.contentIsEscaped = contentIsEscaped
            self.hasNUL = hasNUL
            self.tagCount = tagCount
        }
    }

    private let storage: Storage

    init(
        id: EventID, pubkey: PublicKey, createdAt: Timestamp, kind: Kind, sig: Signature, canonical: [UInt8],
        tagsRange: Range<Int>, contentRange: Range<Int>, contentIsEscaped: Bool, hasNUL: Bool, tagCount: Int
    ) {
        self.storage = Storage(
            id: id, pubkey: pubkey, createdAt: createdAt, kind: kind, sig: sig, canonical: canonical,
            tagsRange: tagsRange, contentRange: contentRange, contentIsEscaped: contentIsEscaped, hasNUL: hasNUL,
            tagCount: tagCount)
    }

    package var id: EventID { self.storage.id }
    package var pubkey: PublicKey { self.storage.pubkey }
    package var createdAt: Timestamp { self.storage.createdAt }
    package var kind: Kind { self.storage.kind }
    package var sig: Signature { self.storage.sig }
    /// The canonical serialization, whose SHA-256 is the id of a valid event.
    package var canonical: [UInt8] { self.storage.canonical }
    /// The length of `canonical`, without a look at it: the content's closing quote and a bracket are its end.
    package var canonicalCount: Int { self.storage.contentRange.upperBound + 2 }
    /// Where the JSON array of tags stands in `canonical`, brackets included.
    package var tagsRange: Range<Int> { self.storage.tagsRange }
    /// Where the JSON text of the content stands in `canonical`, quotes excluded.
    package var contentRange: Range<Int> { self.storage.contentRange }
    /// Whether the content's JSON text differs from the content itself.
    package var contentIsEscaped: Bool { self.storage.contentIsEscaped }
    /// Whether U+0000 occurs in the content or in a tag.
    package var hasNUL: Bool { self.storage.hasNUL }
    package var tagCount: Int { self.storage.tagCount }

    /// Says that the event will be read soon: it lies in distant memory, as does its text.
    package func prefetch() {
        let storage = UnsafeRawPointer(Unmanaged.passUnretained(self.storage).toOpaque())
        for line in 0..<4 { CMemory.prefetch(storage + 64 * line) }
    }

    /// The same for the text of an event that is near.
    package func prefetchText() {
        self.storage.canonical.withUnsafeBytes { text in
            for offset in stride(from: 0, to: min(text.count, 512), by: 64) {
                text.baseAddress.map { CMemory.prefetch($0 + offset) }
            }
        }
    }

    package static func == (left: Event, right: Event) -> Bool {
        left.id == right.id && left.sig == right.sig && left.canonical == right.canonical
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(self.id)
    }
}

extension Event {
    /// The content as text.
    package var content: String { String(decoding: self.contentBytes, as: UTF8.self) }

    /// The content in UTF-8.
    package var contentBytes: [UInt8] {
        guard self.contentIsEscaped else { return Array(self.canonical[self.contentRange]) }
        var text: [UInt8] = []
        text.reserveCapacity(self.contentRange.count)
        JSONText.appendUnescaped(self.canonical.span, self.contentRange, to: &text)
        return text
    }

    /// The tags as JSON: an array of arrays of strings, in canonical form.
    package var tagsJSON: ArraySlice<UInt8> { self.canonical[self.tagsRange] }

    package var tags: Tags { Tags(of: self) }

    /// The value of the first `d` tag; the empty string where there is none (NIP-01).
    package var identifier: WireText {
        self.tags.first(named: "d")?[1] ?? .empty
    }

    /// The event as NIP-01 sends it, members in the usual order.
    package var json: [UInt8] {
        var json: [UInt8] = []
        json.reserveCapacity(self.canonical.count + 280)
        json.append(contentsOf: "{\"id\":\"".utf8)
        self.id.value.withBytes { Hex.append($0, to: &json) }
        json.append(contentsOf: "\",\"pubkey\":\"".utf8)
        self.pubkey.value.withBytes { Hex.append($0, to: &json) }
        json.append(contentsOf: "\",\"created_at\":\(self.createdAt),\"kind\":\(self.kind),\"tags\":".utf8)
        json.append(contentsOf: self.tagsJSON)
        json.append(contentsOf: ",\"content\":\"".utf8)
        json.append(contentsOf: self.canonical[self.contentRange])
        json.append(contentsOf: "\",\"sig\":\"".utf8)
        self.sig.withBytes { Hex.append($0, to: &json) }
        json.append(contentsOf: "\"}".utf8)
        return json
    }
}

extension Event {
    /// The unsigned body of an event: what its author decides.
    package struct Body: Sendable {
        package var pubkey: PublicKey
        package var createdAt: Timestamp
        package var kind: Kind
        package var tags: [[String]]
        package var content: String

        package init(pubkey: PublicKey, createdAt: Timestamp, kind: Kind, tags: [[String]], content: String) {
            self.pubkey = pubkey
            self.createdAt = createdAt
            self.kind = kind
            self.tags = tags
            self.content = content
        }

        /// The bytes whose SHA-256 is the id (NIP-01, in the form that `JSON.stringify` writes).
        package var canonical: [UInt8] {
            var json = Array("[0,\"\(self.pubkey)\",\(self.createdAt),\(self.kind),".utf8)
            JSONValue.array(self.tags.map { .array($0.map(JSONValue.string)) }).append(to: &json)
            json.append(UInt8(ascii: ","))
            JSONText.appendString(self.content, to: &json)
            json.append(UInt8(ascii: "]"))
            return json
        }
    }

    /// An event from its parts. The id and the signature are claims like any other's.
    package init(_ body: Body, id: EventID, sig: Signature) throws(EventRejection) {
        var json = Array("{\"id\":\"\(id)\",\"pubkey\":\"\(body.pubkey)\",\"created_at\":\(body.createdAt)".utf8)
        json.append(contentsOf: ",\"kind\":\(body.kind),\"tags\":".utf8)
        JSONValue.array(body.tags.map { .array($0.map(JSONValue.string)) }).append(to: &json)
        json.append(contentsOf: ",\"content\":".utf8)
        JSONText.appendString(body.content, to: &json)
        json.append(contentsOf: ",\"sig\":\"\(sig)\"}".utf8)
        try self.init(parsing: json.span)
    }
}
