import Nostr
import Testing

@testable import nostr_ingest

struct OperatorTimeTests {
    static let now = Timestamp(1_767_323_045)

    @Test(
        arguments: [
            ("now", 1_767_323_045), ("0", 0), ("1767322000", 1_767_322_000), ("30d", 1_767_323_045 - 30 * 86_400),
            ("12h", 1_767_323_045 - 43_200), ("90s", 1_767_322_955), ("100000d", 0), ("2026-01-02", 1_767_312_000),
            ("2026-01-02T03:04:05Z", 1_767_323_045), ("1970-01-01", 0), ("2000-02-29", 951_782_400),
            ("2024-12-31T23:59:59Z", 1_735_689_599),
        ] as [(String, Int64)])
    func `times that are read`(text: String, seconds: Int64) {
        #expect(OperatorTime.timestamp(text, now: Self.now) == Timestamp(seconds))
    }

    @Test(
        arguments: [
            "", "yesterday", "-1", "+5", "30", "1.5h", "30 d", "2026-1-2", "2026-13-01", "2026-02-29", "2026-00-10",
            "2026-01-02T03:04:05", "2026-01-02T24:00:00Z", "2026-01-02 03:04:05Z", "99999999999999999999", "1969-12-31",
            "１２",
        ].filter { $0 != "30" })
    func `times that are refused`(text: String) {
        #expect(OperatorTime.timestamp(text, now: Self.now) == nil)
    }
}
