import Nostr
import Testing

/// NIP-36, NIP-31, NIP-48 and NIP-70: tags that belong to no kind.
struct MarksTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let tags: [[String]]
        var isSensitive = true
        var hasWarning = true
        var reason: String?
    }

    static let cases = [
        Case(testDescription: "36-1 no reason", tags: [["content-warning"]]),
        Case(testDescription: "36-2 a reason", tags: [["content-warning", "spoiler"]], reason: "spoiler"),
        Case(
            testDescription: "36-3 only the label",
            tags: [["L", "content-warning"], ["l", "nudity", "content-warning"]],
            hasWarning: false),
        Case(testDescription: "an empty reason is none", tags: [["content-warning", ""]]),
        Case(testDescription: "the first one counts", tags: [["content-warning"], ["content-warning", "x"]]),
        Case(
            testDescription: "another label", tags: [["l", "content-warning", "x"], ["l", "", "content-warning"]],
            isSensitive: false, hasWarning: false),
        Case(
            testDescription: "the name space alone", tags: [["L", "content-warning"]], isSensitive: false,
            hasWarning: false),
        Case(testDescription: "another case", tags: [["Content-Warning"]], isSensitive: false, hasWarning: false),
    ]

    @Test(arguments: cases)
    func `sensitive content says so`(row: Case) throws {
        let marks = Marks(try Event.unsigned(tags: row.tags))
        #expect(marks.isSensitive == row.isSensitive && marks.hasContentWarning == row.hasWarning)
        #expect(marks.sensitiveReason?.string == row.reason)
    }

    @Test func `alt is the first text`() throws {
        #expect(Marks(try Event.unsigned(tags: [["alt"], ["alt", "a"], ["alt", "b"]])).alt == WireText("a"))
        #expect(Marks(try Event.unsigned()).alt == nil)
    }

    @Test func `a proxy has an id and a protocol`() throws {
        let tags = [
            ["proxy", "x"], ["proxy", "", "web"], ["proxy", "https://x/1", "activitypub", "more"],
            ["proxy", "y", "rss"],
        ]
        let proxy = Marks(try Event.unsigned(tags: tags)).proxy
        #expect(proxy?.id == WireText("https://x/1") && proxy?.proto == WireText("activitypub"))
    }

    @Test(arguments: [([["-"]], true), ([["-", "x"]], true), ([["t", "-"]], false), ([["--"]], false), ([], false)])
    func `a protected event is one with a dash`(tags: [[String]], isProtected: Bool) throws {
        #expect(try Event.unsigned(tags: tags).isProtected == isProtected)
    }
}

/// NIP-56: reports.
struct ReportEventTests {
    static let key = String(repeating: "a1", count: 32)
    static let id = String(repeating: "b2", count: 32)

    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let tags: [[String]]
        let reason: ReportEvent.Reason
        var flags: Flags = []
    }

    static let cases = [
        Case(testDescription: "56-1 p with a type", tags: [["p", key, "nudity"]], reason: .nudity),
        Case(testDescription: "56-2 e with a type", tags: [["p", key], ["e", id, "illegal"]], reason: .illegal),
        Case(
            testDescription: "56-3 a blob",
            tags: [["x", id, "malware"], ["e", id], ["p", key], ["server", "https://b"]],
            reason: .malware),
        Case(testDescription: "56-4 no type", tags: [["p", key], ["e", id]], reason: .other, flags: [.unknownType]),
        Case(testDescription: "56-5 no p", tags: [["e", id, "spam"]], reason: .spam, flags: [.pMissing]),
        Case(
            testDescription: "e is more specific than p", tags: [["p", key, "spam"], ["e", id, "illegal"]],
            reason: .illegal),
        Case(testDescription: "an unknown type", tags: [["p", key, "boring"]], reason: .other, flags: [.unknownType]),
        Case(testDescription: "other is a type", tags: [["p", key, "other"]], reason: .other),
        Case(
            testDescription: "a type behind what cannot be read is none",
            tags: [["p", key, "spam"], ["e", "x", "illegal"]],
            reason: .spam, flags: [.badTag]),
    ]

    @Test(arguments: cases)
    func `a report is read`(row: Case) throws {
        let report = try #require(ReportEvent(Event.unsigned(kind: 1984, tags: row.tags)))
        #expect(report.reason == row.reason && report.flags == row.flags)
    }

    @Test func `targets are read`() throws {
        let report = try #require(ReportEvent(Event.unsigned(kind: 1984, tags: Self.cases[2].tags)))
        #expect(report.blob?.hex == Self.id && report.server == WireText("https://b"))
        #expect(report.pubkey?.description == Self.key && report.event?.id.description == Self.id)
        #expect(try ReportEvent(Event.unsigned(kind: 1984, tags: [["p", "x", "spam"], ["server", "y"]])) == nil)
    }
}
