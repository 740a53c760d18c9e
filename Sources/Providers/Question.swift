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
    private let identifier: InternetIdentifier?

    /// Nil: the text is none of its kind.
    init?(_ about: About, _ claim: Lookups.Claim) {
        self.about = about
        self.claim = claim
        switch about {
        case .lightning:
            guard let url = LNURL(address: WireText(claim.text)).flatMap({ ProviderURL($0.description) }) else {
                return nil
            }
            self.url = url
            self.identifier = nil
        case .nip05:
            guard let identifier = InternetIdentifier(claim.text), let url = ProviderURL(identifier.url) else {
                return nil
            }
            self.url = url
            self.identifier = identifier
        }
    }

    func verdict(on answer: WebFetch.Answer) -> Verdict {
        switch answer {
        case .refused(let reason): return .refused(reason: reason)
        case .failed(let reason): return .failed(reason: reason)
        case .document(let document):
            let key = self.identifier.map { $0.key(in: document) } ?? LNURL.providerKey(in: document.span)
            if let key { return .key(key) }
            return .refused(reason: self.about == .nip05 ? "name not listed" : "signs no receipts")
        }
    }
}
