package import Nostr

/// The fields of `nostr_profiles`, from the content of a readable kind 0 (rule D9 of the cache design, NIP-24).
package struct ProfileRow: Hashable, Sendable {
    package let name: String?
    package let displayName: String?
    package let picture: String?
    package let about: String?
    package let nip05: String?
    package let lud16: String?

    /// Nil unless the content is a JSON object: such an event supersedes older ones and leaves the fields as they are.
    package init?(_ verified: VerifiedEvent) {
        precondition(verified.event.kind == .profile, "A profile is read from kind 0")
        self.init(content: verified.event.contentBytes)
    }

    init?(content: [UInt8]) {
        guard let profile = Profile(content: content) else { return nil }
        self.name = profile.name
        self.displayName = profile.displayName
        self.picture = profile.picture
        self.about = profile.about
        self.nip05 = profile.nip05
        self.lud16 = profile.lud16
    }
}
