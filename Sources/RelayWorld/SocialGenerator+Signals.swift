import Nostr

// NIP-25 and NIP-57: what a comment is worth to others.
extension SocialGenerator {
    mutating func vote(_ time: Timestamp) -> Event {
        guard let target = self.recent(self.comments) else { return self.post(time) }
        let author = self.author()
        var tags: [[String]] = []
        // Some clients copy the references of what they react to; the last one is the target.
        if self.random.chance(0.12), let other = self.recent(self.comments) {
            tags += [["e", "\(other.id)", "", "root"], ["p", "\(other.pubkey)"]]
        }
        tags += [["e", "\(target.id)"], ["p", "\(target.pubkey)"]]
        if self.random.chance(0.75) { tags.append(["k", target.kind.description]) }
        let content: String
        switch self.random.below(100) {
        case 0..<62: content = "+"
        case 62..<66: content = ""
        case 66..<68: content = " + "
        case 68..<84: content = "-"
        case 84..<87:
            content = ":soapbox:"
            tags.append(["emoji", "soapbox", "https://example.com/soapbox.png"])
        case 87..<89: content = "words are no vote"
        default: content = self.random.pick(SocialText.emoji)
        }
        let event = self.sign(author, time, .reaction, tags, content)
        _ = self.remember(event, by: author)
        return event
    }

    /// Kind 17: a reaction to a page of the web.
    mutating func externalReaction(_ time: Timestamp) -> Event {
        let page = "https://example.com/\(SocialText.word(&self.random))"
        return self.sign(self.author(), time, Kind(17), [["k", "web"], ["i", page]], "+")
    }

    /// A receipt of one of the providers, for a request of the sender that stands in it.
    mutating func zap(_ time: Timestamp) -> Event {
        guard let target = self.recent(self.comments) else { return self.post(time) }
        let sender = self.author()
        let amounts = [21_000, 1_000, 100_000, 5_000_000, 210_000, 2_100_000_000, 69_420, 1, 123_456]
        let msats = self.random.pick(amounts)
        let isProfileZap = self.random.chance(0.1)
        let subject = [["p", "\(target.pubkey)"]] + (isProfileZap ? [] : [["e", "\(target.id)"]])
        var asked = subject + [["relays", "wss://relay.example.com", "wss://nos.example.org"]]
        if self.random.chance(0.7) { asked.append(["amount", "\(msats)"]) }
        if self.random.chance(0.1) { asked.append(["anon"]) }
        let comment = self.random.chance(0.3) ? self.sentence() : ""
        let request = self.sign(sender, time - Int64(self.random.below(40)), Kind(9734), asked, comment)
        let description = String(decoding: request.json, as: UTF8.self)

        let invoice = self.invoice(msats, time, description)
        var tags = subject
        if self.random.chance(0.6) { tags.append(["P", "\(request.pubkey)"]) }
        tags += [["bolt11", invoice.text], ["description", description]]
        if self.random.chance(0.5) { tags.append(["preimage", invoice.preimage]) }
        return self.sign(self.random.pick(self.providers), time, .zapReceipt, tags, "")
    }

    private mutating func invoice(
        _ msats: Int, _ time: Timestamp, _ description: String
    ) -> (text: String, preimage: String) {
        let preimage = self.random.bytes(32)
        let invoice = LightningInvoice(
            msats: msats, createdAt: time - Int64(self.random.below(20)), paymentHash: self.signer.sha256(preimage),
            purpose: self.random.chance(0.8)
                ? .hash(self.signer.sha256(Array(description.utf8))) : .text("A zap for what you wrote"))
        return (invoice.text, Hex.string(preimage))
    }
}
