import Nostr
import Testing

struct EventGateTests {
    static let now = Timestamp(1_700_000_600)

    static func rejection(
        kind: UInt16 = 1, tags: [[String]] = [], content: String = "", createdAt: Int64 = 1_700_000_000
    ) throws -> EventRejection? {
        let event = try Event.unsigned(kind: kind, tags: tags, content: content, createdAt: createdAt)
        return EventGate.rejection(of: event, now: self.now)
    }

    /// nips.md 2.12, 01-29.
    @Test(
        arguments: [
            (0, nil), (1_700_000_600, nil), (1_700_001_500, nil), (1_700_001_501, .future), (2_015_360_600, .future),
            (Timestamp.max.seconds, .future),
        ] as [(Int64, EventRejection?)])
    func `an event may be 900 seconds ahead of our clock`(createdAt: Int64, reason: EventRejection?) throws {
        #expect(try Self.rejection(createdAt: createdAt) == reason)
    }

    /// NIP-40; nips.md 5.2, 40-1 to 40-7.
    @Test(
        arguments: [
            ([["expiration", "1700000601"]], nil), ([["expiration", "1700000600"]], .expired),
            ([["expiration", "1700000599"]], .expired), ([["expiration", "0"]], .expired),
            ([["expiration", "1"]], .expired),
            ([["expiration", "1e10"]], nil), ([["expiration", "abc"]], nil), ([["expiration"]], nil),
            ([["expiration", ""]], nil), ([["expiration", "+1"]], nil), ([["expiration", "-1"]], nil),
            ([["expiration", "1.5"]], nil), ([["expiration", " 1"]], nil), ([["expiration", "01"]], nil),
            ([["expiration", "١"]], nil), ([["expiration", "9007199254740991"]], nil),
            ([["expiration", "9007199254740992"]], nil), ([["expiration", "1", "x"]], .expired),
            ([["expiration", "1700000601"], ["expiration", "1"]], nil),
            ([["expiration", "1"], ["expiration", "1700000601"]], .expired),
            ([["expiration", "abc"], ["expiration", "1"]], nil), ([["Expiration", "1"]], nil),
            ([["t", "expiration"]], nil),
            ([["e", "x"], ["expiration", "1"]], .expired),
        ] as [([[String]], EventRejection?)])
    func `an event expires at the time of its first expiration tag`(tags: [[String]], reason: EventRejection?) throws {
        #expect(try Self.rejection(tags: tags) == reason)
    }

    /// nips.md 5.2: a deletion request and a vanish request do not expire.
    @Test(arguments: [5, 62] as [UInt16])
    func `what deletes does not expire`(kind: UInt16) throws {
        #expect(try Self.rejection(kind: kind, tags: [["expiration", "1"]]) == nil)
    }

    @Test func `U+0000 is refused before the time is looked at`() throws {
        #expect(try Self.rejection(content: "a\u{0}") == .nulInText)
        #expect(try Self.rejection(tags: [["t", "\u{0}"]], createdAt: 2_015_360_600) == .nulInText)
        #expect(try Self.rejection(tags: [["expiration", "1"]], createdAt: 2_015_360_600) == .future)
        #expect(try Self.rejection(content: "\\u0000") == nil)
    }

    /// Only events whose id and signature hold are kept with a reason.
    @Test func `three reasons keep the bytes`() {
        #expect(EventRejection.allCases.filter(\.isQuarantined) == [.nulInText, .future, .unstorable])
    }

    @Test func `the reasons have the labels of the design`() {
        let labels = """
            malformed_json not_object dup_key missing_field bad_type bad_hex kind_range created_at_range too_large \
            too_many_tags filter_mismatch unknown_sub ephemeral policy bad_id bad_pubkey bad_sig nul_in_text future \
            expired unstorable
            """
        #expect(EventRejection.allCases.map(\.rawValue) == labels.split(separator: " ").map(String.init))
    }
}

struct TimestampTests {
    @Test(
        arguments: [
            ("0", 0), ("7", 7), ("1700000000", 1_700_000_000), ("9007199254740991", 9_007_199_254_740_991),
            ("9007199254740992", nil), ("9999999999999999", nil), ("99999999999999999999", nil), ("", nil), ("00", nil),
            ("007", nil), ("+5", nil), ("-0", nil), ("5 ", nil), ("5.0", nil), ("1e3", nil), ("0x5", nil), ("٥", nil),
        ] as [(String, Int64?)])
    func `seconds are written as digits without a sign or a leading zero`(text: String, seconds: Int64?) {
        #expect(Timestamp(strictDigits: Array(text.utf8))?.seconds == seconds)
    }
}
