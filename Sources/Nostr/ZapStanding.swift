/// How far a zap is believed (nips.md 4.7 of the design); the raw value is what the database stores.
package enum ZapLevel: Int16, Comparable, CaseIterable, Sendable {
    /// The receipt is faulty: shown, never counted.
    case faulty = 0
    /// It agrees with itself; anybody could have made it.
    case consistent = 1
    /// What was zapped is known, and the recipient is who should have got it.
    case plausible = 2
    /// The signer is known to be the recipient's provider.
    case confirmed = 3

    package static func < (left: ZapLevel, right: ZapLevel) -> Bool { left.rawValue < right.rawValue }
}

/// What is known elsewhere about a zap; nothing, at first.
package struct ZapContext: Sendable {
    /// Whether the signer of the receipt is the recipient's provider: see ``ZapReceipt/isSigned(by:trusting:)``.
    package var providerMatch: Bool?
    /// The author of the event or coordinate that was zapped, and the keys in its `zap` tags.
    package var target: (author: PublicKey, splits: Set<PublicKey>)?
    /// Whether the recipient's profile names a lightning address: it is what makes a zap of a profile possible.
    package var recipientHasLightningAddress = false

    package init() {}
}

/// What a receipt is worth in the light of a ``ZapContext``.
package struct ZapStanding: Hashable, Sendable {
    package let level: ZapLevel
    package let providerMatch: Bool?
    /// To be added to those of the receipt.
    package let flags: Flags
    /// What it adds to `zap_msats`, if it represents its payment (``ZapRank``): the amount of a mainnet invoice.
    package let countedMsats: Int64
    /// What it adds to `zap_msats_verified`.
    package let verifiedMsats: Int64
}

extension ZapReceipt {
    /// Whether the signer is one of the recipient's provider's keys, found by LNURL, or is trusted; nil if neither is known.
    ///
    /// Providers change keys and users change providers, so `keys` holds all that were ever found: a receipt stays true.
    package func isSigned(by keys: Set<PublicKey>?, trusting trusted: Set<PublicKey>) -> Bool? {
        trusted.contains(self.provider) ? true : keys.map { $0.contains(self.provider) }
    }

    package func standing(_ context: ZapContext) -> ZapStanding {
        guard self.fault == nil else {
            return ZapStanding(
                level: .faulty, providerMatch: context.providerMatch, flags: [], countedMsats: 0, verifiedMsats: 0)
        }
        let isForRecipient = self.isForRecipient(context)
        let level: ZapLevel =
            switch (isForRecipient, context.providerMatch) {
            // A provider that does not look at `p` signs for recipients that it never paid.
            case (false?, _): .consistent
            case (_, true?): .confirmed
            case (true?, _): .plausible
            case (nil, _): .consistent
            }
        let counted = self.invoice?.network == .mainnet ? self.invoice?.msats ?? 0 : 0
        return ZapStanding(
            level: level, providerMatch: context.providerMatch,
            flags: isForRecipient == false ? [.recipientMismatch] : [], countedMsats: counted,
            verifiedMsats: level == .confirmed ? counted : 0)
    }

    /// Whether the recipient is who the target's author wants to be paid; nil as long as that is not known.
    private func isForRecipient(_ context: ZapContext) -> Bool? {
        if self.isForProfile { return context.recipientHasLightningAddress ? true : nil }
        guard let recipient = self.recipient, let target = context.target else { return nil }
        return target.author == recipient || target.splits.contains(recipient)
    }
}

/// Which of several receipts with one payment hash represents the payment: the least of them.
///
/// The highest level, then the earliest, then the lowest id, whatever the order in which they arrived: a copy that somebody
/// else signed cannot displace the confirmed one.
package struct ZapRank: Comparable, Sendable {
    package let level: ZapLevel
    package let createdAt: Timestamp
    package let id: EventID

    package init(_ receipt: ZapReceipt, _ level: ZapLevel) {
        self.level = level
        self.createdAt = receipt.createdAt
        self.id = receipt.id
    }

    package static func < (left: ZapRank, right: ZapRank) -> Bool {
        if left.level != right.level { return left.level > right.level }
        return left.createdAt == right.createdAt ? left.id < right.id : left.createdAt < right.createdAt
    }
}
