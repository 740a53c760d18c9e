import Testing

@testable import RelayClient

struct HTTPDateTests {
    @Test(
        arguments: [
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Sunday, 06-Nov-94 08:49:37 GMT", 784_111_777),
            ("Sun Nov  6 08:49:37 1994", 784_111_777),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 23:59:60 GMT", 1_709_251_200),
            ("Tue, 19 Jan 2038 03:14:08 GMT", 2_147_483_648),
        ] as [(String, Int64)])
    func `the three forms of RFC 9110 section 5_6_7`(text: String, seconds: Int64) {
        #expect(HTTPDate.seconds(parsing: text) == seconds)
    }

    @Test(arguments: [
        "", "tomorrow", "Sun, 06 Nov 1994 08:49:37 PST", "Sun, 32 Nov 1994 08:49:37 GMT",
        "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT", "Sun, 06 Nov 1994 08:49 GMT",
        "Sun, 06 Nov +994 08:49:37 GMT", "1994-11-06T08:49:37Z", "Sun, 06 Nov 1894 08:49:37 GMT",
    ])
    func `anything else is no date`(text: String) {
        #expect(HTTPDate.seconds(parsing: text) == nil)
    }

    @Test(
        arguments: [
            ("0", .seconds(0)), ("120", .seconds(120)), ("3600", .seconds(3_600)), ("3601", .seconds(3_600)),
            ("1000000000", .seconds(3_600)), (String(repeating: "9", count: 40), .seconds(3_600)),
            ("Sun, 06 Nov 1994 08:50:37 GMT", .seconds(60)), ("Sun, 06 Nov 1994 08:48:37 GMT", .zero),
            ("Mon, 07 Nov 1994 08:49:37 GMT", .seconds(3_600)),
            ("-5", nil), ("+5", nil), ("", nil), ("1.5", nil), ("soon", nil), ("5 s", nil),
        ] as [(String, Duration?)])
    func `Retry-After is bounded, and rubbish is none, R13`(text: String, delay: Duration?) {
        #expect(RetryAfter.delay(parsing: text, now: 784_111_777) == delay)
    }
}
