package import Nostr

/// What a relay says about itself (NIP-11): hints, often wrong, never needed.
///
/// Every field is read on its own and leniently; one that is not what it should be is absent, and the others stay.
package struct RelayInformation: Hashable, Sendable {
    /// Whether there was a document at all.
    package var isPresent = false
    package var name: String?
    package var software: String?
    package var version: String?
    package var pubkey: PublicKey?
    /// The numbers in `supported_nips`, in its order, also those written as strings.
    package var supportedNIPs: [Int] = []
    /// `supported_nips` as it was, names like `"5A"` included.
    package var supportedNIPsAsWritten: [JSONValue] = []
    /// strfry's `negentropy`: the version of NIP-77 that it speaks.
    package var negentropy: Int?
    package var limitation = Limitation()

    /// Only what concerns readers. Nil: the relay did not say, or said nothing sensible.
    package struct Limitation: Hashable, Sendable {
        /// Bytes of a client message from `[` to `]`.
        package var maxMessageLength: Int?
        package var maxSubscriptions: Int?
        /// Events of one answer; a larger `limit` is clamped silently.
        package var maxLimit: Int?
        /// Events of an answer to a request without `limit`.
        package var defaultLimit: Int?
        package var maxSubscriptionIDLength: Int?
        /// Removed from NIP-11 in April 2025, still served.
        package var maxFilters: Int?
        package var authRequired = false
        package var paymentRequired = false
    }

    /// No document.
    package static let absent = RelayInformation()

    package init() {}

    /// Reads a document; `absent` unless `bytes` is a JSON object.
    package init(parsing bytes: Span<UInt8>) {
        guard let document = JSONValue(parsing: bytes), case .object = document else { return }
        self.isPresent = true
        self.name = document["name"]?.string
        self.software = document["software"]?.string
        self.version = document["version"]?.string
        self.pubkey = document["pubkey"]?.string.flatMap { PublicKey(hex: $0) }
        self.supportedNIPsAsWritten = document["supported_nips"]?.array ?? []
        self.supportedNIPs = self.supportedNIPsAsWritten.compactMap(Self.count)
        self.negentropy = document["negentropy"].flatMap(Self.count)

        guard let limitation = document["limitation"] else { return }
        self.limitation.maxMessageLength = Self.limit(limitation["max_message_length"])
        self.limitation.maxSubscriptions = Self.limit(limitation["max_subscriptions"])
        self.limitation.maxLimit = Self.limit(limitation["max_limit"])
        self.limitation.defaultLimit = Self.limit(limitation["default_limit"])
        self.limitation.maxSubscriptionIDLength = Self.limit(limitation["max_subid_length"])
        self.limitation.maxFilters = Self.limit(limitation["max_filters"])
        self.limitation.authRequired = Self.flag(limitation["auth_required"])
        self.limitation.paymentRequired = Self.flag(limitation["payment_required"])
    }

    /// A limit of zero would mean a relay that serves nothing: nobody means it.
    private static func limit(_ value: JSONValue?) -> Int? {
        value.flatMap(Self.count).flatMap { $0 > 0 ? $0 : nil }
    }

    /// An integer, or the same in quotes; nil if it is negative or does not fit.
    private static func count(_ value: JSONValue) -> Int? {
        let number = value.string.flatMap { $0.utf8.isEmpty ? nil : JSONValue.number($0) } ?? value
        return number.integer.flatMap { Int(exactly: $0) }
    }

    private static func flag(_ value: JSONValue?) -> Bool {
        value?.bool ?? (value?.string == "true")
    }
}
