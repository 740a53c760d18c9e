package import Nostr

/// Why an interval is believed to be complete, strongest reasons apart from their order in time.
package enum CoverageProof: String, CaseIterable, Sendable {
    /// The relay said so (NIP-67).
    case finish
    /// A reconciliation ended (NIP-77).
    case negentropy
    /// Paged back until a page came empty.
    case exhausted
    /// A subscription was shown to be alive over the span.
    case live
}

/// One step of the ledger: `relay` has given everything it then held of `stream` in `span`, and all of it was handed to
/// the writer before this.
package struct CoverageAdvance: Hashable, Sendable {
    package let relay: RelayID
    package let stream: StreamID
    package let span: Range<Timestamp>
    package let proof: CoverageProof

    package init(relay: RelayID, stream: StreamID, span: Range<Timestamp>, proof: CoverageProof) {
        self.relay = relay
        self.stream = stream
        self.span = span
        self.proof = proof
    }
}

/// Why a hole could not be filled.
package enum HoleReason: String, CaseIterable, Sendable {
    /// One second holds more events than the relay hands out, however the filter is split.
    case denseSecond = "dense_second"
    /// The relay will not answer this filter (CLOSED: `restricted`, `blocked`, `invalid`, `unsupported` …).
    case refused
    /// The relay wants an authentication that is not configured.
    case authRequired = "auth_required"
    /// The relay stopped answering: what its live subscription alone vouched for is vouched for no longer.
    case failing
}

/// What a relay could not be brought to deliver, and why. Recording it withdraws what was covered of the span.
package struct CoverageHole: Hashable, Sendable {
    package let relay: RelayID
    package let stream: StreamID
    package let span: Range<Timestamp>
    package let reason: HoleReason

    package init(relay: RelayID, stream: StreamID, span: Range<Timestamp>, reason: HoleReason) {
        self.relay = relay
        self.stream = stream
        self.span = span
        self.reason = reason
    }
}
