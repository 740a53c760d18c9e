import Nostr
import NostrCache

/// What a claim of a profile makes us ask, and what an answer means; pure.
struct Question: Sendable {
    enum About: String, CaseIterable, Sendable {
        /// Who signs zap receipts for a lightning address (LUD-16, NIP-57).
        case lightning
        /// Whether a domain names the profile's key (NIP-05).
        case nip05

        /// NIP-05: "fetchers MUST ignore any HTTP redirects". LNURL servers do redirect.
        var redirectsMax: Int {
            switch self {
            case .lightning: 3
            case .nip05: 0
            }
        }
    }

    /// The label of the counter.
    enum Outcome: String, CaseIterable, Sendable {
        case found, refused, failed
    }

    enum Verdict: Equatable, Sendable {
        /// The key that the server names.
        case key(PublicKey)
        case refused(reason: String)
        case failed(reason: String)
    }

    let about: About
    let claim: Lookups.Claim
    let url: ProviderURL
    /// Of a NIP-05 identifier.
    private let local: String

    /// Nil: the text is none of its kind.
    init?(_ about: About, _ claim: Lookups.Claim) {
        // Both kinds are `local@domain`.
        let parts = claim.text.utf8.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false)
        guard parts.count == 2, let local = String(parts[0]), let domain = String(parts[1]) else { return nil }
        let path =
            switch about {
            case .lightning: "/.well-known/lnurlp/\(local)"
            case .nip05: "/.well-known/nostr.json?name=\(local)"
            }
        guard let url = ProviderURL("https://\(domain)\(path)") else { return nil }
        self.about = about
        self.claim = claim
        self.url = url
        self.local = local
    }

    func verdict(on answer: WebFetch.Answer) -> Verdict {
        switch answer {
        case .refused(let reason): return .refused(reason: reason)
        case .failed(let reason): return .failed(reason: reason)
        case .document(let document):
            switch self.about {
            case .lightning: return Self.lightning(document)
            case .nip05: return self.nip05(document)
            }
        }
    }

    /// The LNURL-pay metadata of a provider that signs receipts (NIP-57 appendix A).
    private static func lightning(_ document: JSONValue) -> Verdict {
        guard case .bool(true)? = document["allowsNostr"] else { return .refused(reason: "allowsNostr is not true") }
        guard let key = document["nostrPubkey"]?.string.flatMap({ PublicKey(hex: $0) }) else {
            return .refused(reason: "nostrPubkey is no public key")
        }
        return .key(key)
    }

    private func nip05(_ document: JSONValue) -> Verdict {
        guard let named = document["names"]?[self.local]?.string else { return .refused(reason: "name not listed") }
        guard let key = PublicKey(hex: named) else { return .refused(reason: "names no public key") }
        return .key(key)
    }
}
