import Nostr
import Testing

struct ExpirationTests {
    /// nips.md 5.2, 40-1 to 40-7 and 40-10; what becomes of the event is tested with ``EventGate``.
    @Test(
        arguments: [
            ("40-1", [["expiration", "1700000601"]], .at(Timestamp(1_700_000_601))),
            ("40-2", [["expiration", "1700000599"]], .at(Timestamp(1_700_000_599))),
            ("40-10", [["expiration", "1699999995"]], .at(Timestamp(1_699_999_995))),
            ("40-4", [["expiration", "1e10"]], .unreadable), ("40-5", [["expiration", "abc"]], .unreadable),
            ("40-6", [["expiration"]], .unreadable), ("40-6", [["expiration", ""]], .unreadable),
            ("40-6", [["expiration", "-5"]], .unreadable), ("40-6", [["expiration", "+5"]], .unreadable),
            ("40-6", [["expiration", "1700000000.5"]], .unreadable),
            ("40-6", [["expiration", "9007199254740992"]], .unreadable), ("40-6", [["expiration", "٣"]], .unreadable),
            ("40-7", [["expiration", "7"], ["expiration", "8"]], .at(Timestamp(7))),
            ("40-7", [["expiration", "x"], ["expiration", "8"]], .unreadable),
            ("", [], .never), ("", [["Expiration", "1"]], .never), ("", [["t", "expiration"]], .never),
            ("", [["expiration", String(repeating: "1", count: 65_536)]], .unreadable),
        ] as [(String, [[String]], Expiration)])
    func `the first tag tells when an event expires`(number: String, tags: [[String]], expiration: Expiration) throws {
        let event = try Event.unsigned(tags: tags)
        #expect(event.expiration == expiration)
        #expect(event.expiration.flags.names == (expiration == .unreadable ? ["bad_expiration"] : []))
    }

    /// nips.md 5.2, 40-3.
    @Test(arguments: [(99, false), (100, true), (101, true)] as [(Int64, Bool)])
    func `an event is gone in the second that it names`(now: Int64, hasPassed: Bool) {
        #expect(Expiration.at(Timestamp(100)).hasPassed(at: Timestamp(now)) == hasPassed)
        #expect(!Expiration.never.hasPassed(at: Timestamp(now)) && !Expiration.unreadable.hasPassed(at: Timestamp(now)))
    }

    @Test(arguments: [5, 62] as [UInt16])
    func `what deletes does not expire`(kind: UInt16) throws {
        let event = try Event.unsigned(kind: kind, tags: [["expiration", "1"]])
        #expect(event.expiration == .never)
    }
}
