/// Why an event, or the frame that should have held one, was refused.
///
/// The raw value is the label of the counter; the names and the order of the checks are those of the validation
/// pipeline in `docs/architecture.md`.
package enum EventRejection: String, Error, CaseIterable, Sendable {
    /// Not JSON: the message cannot be read at all.
    case malformedJSON = "malformed_json"
    /// The third element of an `EVENT` message is no object.
    case notObject = "not_object"
    /// One of the seven members occurs twice: two readers could disagree on what was signed.
    case duplicateKey = "dup_key"
    case missingField = "missing_field"
    /// A member has another JSON type than NIP-01 gives it, or an integer is not written as `0|[1-9][0-9]*`.
    case badType = "bad_type"
    /// `id`, `pubkey` or `sig` is not lower-case hexadecimal of the right length.
    case badHex = "bad_hex"
    case kindRange = "kind_range"
    case createdAtRange = "created_at_range"
    /// Larger than `EventLimits.eventBytesMax`.
    case tooLarge = "too_large"
    case tooManyTags = "too_many_tags"
    /// No filter of the subscription asks for it.
    case filterMismatch = "filter_mismatch"
    /// Sent under a subscription id that this connection never opened.
    case unknownSubscription = "unknown_sub"
    /// Kinds 20000–29999: never stored.
    case ephemeral
    /// A kind that is never stored, or that nobody asked for.
    case policy
    case badID = "bad_id"
    /// The key is no point of the curve.
    case badPublicKey = "bad_pubkey"
    case badSignature = "bad_sig"
    /// U+0000 in the content or a tag: PostgreSQL has no text that can hold it. Quarantined.
    case nulInText = "nul_in_text"
    /// `created_at` is more than `EventLimits.futureSecondsMax` ahead of our clock. Quarantined.
    case future
    /// Its NIP-40 expiration has passed.
    case expired
    /// PostgreSQL refused the row. Quarantined, with the SQLSTATE.
    case unstorable

    /// Whether the event was verified and its bytes are kept with the reason.
    package var isQuarantined: Bool {
        switch self {
        case .nulInText, .future, .unstorable: true
        case .malformedJSON, .notObject, .duplicateKey, .missingField, .badType, .badHex, .kindRange, .createdAtRange,
            .tooLarge, .tooManyTags, .filterMismatch, .unknownSubscription, .ephemeral, .policy, .badID, .badPublicKey,
            .badSignature, .expired:
            false
        }
    }
}
