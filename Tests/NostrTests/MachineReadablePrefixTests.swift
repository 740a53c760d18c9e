import Nostr
import Testing

/// NIP-01, NIP-42 and nips.md 2.9.
struct MachineReadablePrefixTests {
    @Test(
        arguments: [
            ("duplicate: already have it", .duplicate), ("pow: 20 bits needed", .pow), ("blocked: you", .blocked),
            ("rate-limited: slow down", .rateLimited), ("invalid: no", .invalid), ("restricted: no", .restricted),
            ("mute: nobody listens", .mute), ("error: it broke", .error),
            ("auth-required: who are you?", .authRequired),
            ("unsupported: filter", .unsupported), ("bad req: no", .badRequest), ("blocked:", .blocked),
            ("error:", .error),
            // A wrapper around a prefix, as strfry writes it.
            ("ERROR: auth-required: we only serve members", .authRequired), ("error: auth-required: x", .authRequired),
            ("ERROR: bad req: unparseable", .badRequest), ("ERROR:rate-limited: x", .rateLimited),
            ("ERROR: something else", .error), ("ERROR: something: else", .error), ("error: something: else", .error),
            ("ERROR: error: x", .error), ("error: error: blocked: x", .error), ("ERROR:", .error),
            // No prefix.
            ("", .none), ("could not connect", .none), ("blocked", .none), ("Blocked: x", .none), ("BLOCKED: x", .none),
            (" blocked: x", .none), ("blocked : x", .none), ("none: x", .none), ("unknown: x", .none), (": x", .none),
            ("ERROR blocked: x", .none), ("mutes: x", .none), ("bloc\u{212A}ed: x", .none), ("a blocked: x", .none),
        ] as [(String, MachineReadablePrefix)])
    func `the word before the colon is the prefix`(text: String, prefix: MachineReadablePrefix) {
        #expect(MachineReadablePrefix(of: text) == prefix)
        #expect(ClosedReason(text).prefix == prefix)
        #expect(ClosedReason(text).text == text)
    }
}
