/// What may be asked of web servers that strangers name, and how often. Nothing unless the operator says so.
package struct ProviderSettings: Hashable, Sendable {
    /// Confirms signers of zap receipts by the recipient's lightning address (NIP-57, level V3).
    package var confirmsZaps = false
    /// Checks NIP-05 identifiers of profiles.
    package var checksIdentifiers = false

    /// A whole request, from the resolution of the name to the last byte.
    package var requestLimit: Duration = .seconds(10)
    /// Real answers have about 1 KiB; a NIP-05 server that ignores `name` sends all its users.
    package var answerBytesMax = 64 * 1_024
    /// New requests, over all hosts.
    package var requestsPerMinute = 60
    /// Hosts that are asked at the same time; one host is never asked twice at once.
    package var hostsMax = 4
    /// An answer is asked for again after this.
    package var refreshEvery: Duration = .seconds(24 * 3_600)
    /// A verified identifier is shown for so long after the last good answer.
    package var verdictLimit: Duration = .seconds(7 * 24 * 3_600)
    /// A host that did not answer is tried again after so long, doubling.
    package var retryFirst: Duration = .seconds(10 * 60)
    package var retryLimit: Duration = .seconds(24 * 3_600)

    package init() {}

    /// Whether there is anything to ask.
    package var isOn: Bool { self.confirmsZaps || self.checksIdentifiers }
}
