import ArgumentParser
import RelayWorld

/// How the relay treats its clients: a character of the zoo, and changes to it.
struct PersonalityOptions: ParsableArguments {
    @Option(help: "A character by name: \(Personality.zoo.map(\.name).joined(separator: ", ")).")
    var personality = "honest"

    @Option(help: "Seed of all that happens by chance.")
    var personalitySeed: UInt64 = 1

    @Option(help: "Events per request, stated in NIP-11.")
    var pageCap: Int?

    @Option(help: "Events per request, stated nowhere.")
    var silentCap: Int?

    @Option(help: "The hint of EOSE: \(Personality.Hint.allCases.map(\.rawValue).joined(separator: ", ")).")
    var hint: String?

    @Option(help: "The order of a page: \(Personality.Order.allCases.map(\.rawValue).joined(separator: ", ")).")
    var order: String?

    @Option(help: "CLOSED with this text, as in 'rate-limited: slow down'.")
    var closed: String?

    @Option(help: "How often: always, 1/<n> for every n-th REQ, or a probability.")
    var closedOften = "1/3"

    @Option(help: "How often a REQ gets no answer.")
    var unanswered: String?

    @Flag(help: "Read everything, answer pings, say nothing else.")
    var mute = false

    @Option(help: "Subscriptions per connection; one more is refused by NOTICE.")
    var subscriptionsMax: Int?

    @Option(help: "NIP-42: \(Personality.Authentication.allCases.map(\.rawValue).joined(separator: ", ")).")
    var authentication: String?

    @Option(help: "Milliseconds before each frame.")
    var delay: Int?

    @Option(help: "Drop each connection after so many EVENT frames.")
    var disconnectAfter: Int?

    @Option(help: "How often each event is sent.")
    var copies: Int?

    @Option(help: "How often a forged signature and a forged body come before an event.")
    var forged: String?

    @Option(help: "How often a malformed frame comes before an event.")
    var malformed: String?

    @Flag(help: "No NIP-11 document.")
    var noInformation = false

    func validate() throws { _ = try self.value }

    var value: Personality {
        get throws {
            guard var value = Personality(named: self.personality) else {
                throw ValidationError("'\(self.personality)' is no character of the zoo")
            }
            value.seed = self.personalitySeed
            if let cap = self.pageCap { value.pageCap = cap }
            if let cap = self.silentCap { value.silentCap = cap }
            if let hint = self.hint { value.hint = try Self.read(hint) }
            if let order = self.order { value.order = try Self.read(order) }
            if let text = self.closed { value.closed = .init(text, try Self.occurrence(self.closedOften)) }
            if let often = self.unanswered { value.unanswered = try Self.occurrence(often) }
            if self.mute { value.isMute = true }
            if let max = self.subscriptionsMax { value.subscriptionsMax = max }
            if let demand = self.authentication { value.authentication = try Self.read(demand) }
            if let delay = self.delay { value.frameDelay = .milliseconds(delay) }
            if let events = self.disconnectAfter { value.disconnect = .afterEvents(events) }
            if let copies = self.copies { value.copies = copies }
            if let often = self.forged {
                value.forgedSignatures = try Self.occurrence(often)
                value.forgedBodies = value.forgedSignatures
            }
            if let often = self.malformed { value.malformedFrames = try Self.occurrence(often) }
            if self.noInformation { value.information = .absent }
            return value
        }
    }

    private static func read<Value: RawRepresentable<String> & CaseIterable>(_ text: String) throws -> Value {
        guard let value = Value(rawValue: text) else {
            let names = Value.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'\(text)' is none of \(names)")
        }
        return value
    }

    private static func occurrence(_ text: String) throws -> Occurrence {
        guard let value = Occurrence(text) else {
            throw ValidationError("'\(text)' is none of never, always, 1/<n> and a probability")
        }
        return value
    }
}
