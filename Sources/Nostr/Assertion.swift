/// What a provider computed about a key, an event, a coordinate or an external id (NIP-85): kinds 30382–30385.
///
/// Anybody may sign one. Whose are believed is for the configuration to say.
package struct Assertion: Sendable {
    package enum Subject: Hashable, Sendable {
        case profile(PublicKey)
        case target(Target)
    }

    package let subject: Subject
    package let provider: PublicKey

    /// Nil where the `d` value is not what the kind asks for: it may be a coordinate or an `i` value, colons included.
    package init?(_ event: Event) {
        let identifier = event.identifier
        switch event.kind.rawValue {
        case 30_382:
            guard let key = identifier.hex32 else { return nil }
            self.subject = .profile(PublicKey(key))
        case 30_383:
            guard let id = identifier.hex32 else { return nil }
            self.subject = .target(.event(EventID(id), address: nil))
        case 30_384:
            guard let address = EventAddress(identifier) else { return nil }
            self.subject = .target(.address(address, version: nil))
        case 30_385:
            guard !identifier.isEmpty, let id = ExternalReading(identifier).id else { return nil }
            self.subject = .target(.external(id))
        default:
            return nil
        }
        self.provider = event.pubkey
    }
}
