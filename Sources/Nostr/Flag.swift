/// What a reader noticed in an event that it could read all the same.
///
/// The raw value is what the database stores. A flag never rejects an event: it says which rule was bent, so that a
/// query can leave such rows out.
package enum Flag: String, CaseIterable, Sendable {
    /// A tag of the kind that the reader looks for cannot be read: an id in upper case, a malformed address.
    case badTag = "bad_tag"
    /// Several valid tags where one is expected.
    case multi
    /// The `k` or `K` that NIP-22 and NIP-73 require is missing, or does not fit what stands beside it.
    case kMissing = "k_missing"
    case kMismatch = "k_mismatch"
    /// A `k` for a web page is its scheme and host, as NIP-73 asked until March 2025.
    case legacyK = "legacy_k"
    /// A comment without the upper-case or the lower-case half of its tags.
    case rootMissing = "root_missing"
    case parentMissing = "parent_missing"
    /// A comment on a kind 1, which NIP-22 forbids.
    case replyToNote = "reply_to_kind1"
    /// White space around a reaction was ignored.
    case trimmed
    case emojiUnresolved = "emoji_unresolved"
    /// A reaction that names an address and no event.
    case noEvent = "no_e"
    /// The target is not of the kind that this kind of event is for.
    case wrongKind = "wrong_kind"
    /// A kind 17 with `r`, as NIP-25 asked until August 2025.
    case legacyR = "legacy_r"
    case selfReaction = "self_reaction"
    case authorMismatch = "author_mismatch"
    case namespaceUndeclared = "ns_undeclared"
    case unmarkedWithNamespace = "unmarked_with_L"
    /// An external id is written in another way than NIP-73 asks.
    case noncanonical
    /// An external id that no type of NIP-73 describes.
    case invalid
    case isbnChecksum = "isbn_checksum"
    case anonymous = "anon"
    case `private`
    case eventFromRequest = "e_from_request"
    case addressFromRequest = "a_from_request"
    case identifierFromRequest = "i_from_request"
    case senderTagMismatch = "sender_tag_mismatch"
    case percentEncoded = "percent_encoded"
    case recipientMismatch = "recipient_mismatch"
    case pMissing = "p_missing"
    case pMismatch = "p_mismatch"
    /// What became of an embedded event that was not used.
    case embedInvalid = "embed_invalid"
    case embedMismatch = "embed_mismatch"
    case embedProtected = "embed_protected"
    case embedExpired = "embed_expired"
    /// U+0000 inside JSON inside a string: PostgreSQL has no text that can hold it, so the field is null.
    case nulInField = "nul_in_field"
    case badExpiration = "bad_expiration"
    case unknownMarker = "unknown_marker"
    /// More of something than is read; the first ones are.
    case tooMany = "too_many"
    /// A report (NIP-56) without one of the types that the NIP lists.
    case unknownType = "unknown_type"
}

package typealias Flags = Set<Flag>

extension Set<Flag> {
    /// The raw values, sorted: how flags are stored and compared.
    package var names: [String] { self.map(\.rawValue).sorted() }
}
