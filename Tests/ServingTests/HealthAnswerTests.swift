import Nostr
import Testing

@testable import Serving

struct HealthAnswerTests {
    static func report(_ checks: [HealthCheck]) -> HealthReport {
        HealthReport(serviceID: "nostr-ingest/main", releaseID: "0.3.0", time: Timestamp(1_767_323_045), checks: checks)
    }

    static func check(_ name: String, _ status: HealthCheck.Status, _ probes: Set<HealthCheck.Probe>) -> HealthCheck {
        HealthCheck(name, status, for: probes, key: "\(name):x", output: "because")
    }

    @Test(arguments: [
        (HealthCheck.Status.pass, 200), (.warn, 200), (.fail, 503),
    ])
    func `a probe is 200 unless one of its checks fails`(status: HealthCheck.Status, code: Int) {
        let report = Self.report([Self.check("a", .pass, [.ready]), Self.check("b", status, [.ready])])
        #expect(report.answer(to: .ready, isVerbose: false, excluding: []).status == code)
        // Other probes do not ask it.
        #expect(report.answer(to: .live, isVerbose: false, excluding: []).status == 200)
    }

    @Test func `the short answer is ok, the long one a list`() {
        let report = Self.report([Self.check("writer", .pass, [.live]), Self.check("fleet", .warn, [.live])])
        #expect(report.answer(to: .live, isVerbose: false, excluding: []).body == "ok\n")
        #expect(
            report.answer(to: .live, isVerbose: true, excluding: []).body
                == "[+]writer ok\n[+]fleet ok: because\nlivez check passed\n")
    }

    @Test func `a failure is always spelt out, and can be excluded`() {
        let report = Self.report([Self.check("database", .fail, [.ready])])
        let answer = report.answer(to: .ready, isVerbose: false, excluding: [])
        #expect(answer.status == 503)
        #expect(answer.body == "[-]database failed: because\nreadyz check failed\n")
        #expect(report.answer(to: .ready, isVerbose: false, excluding: ["database"]).status == 200)
        #expect(
            report.answer(to: .ready, isVerbose: true, excluding: ["database", "nothing"]).body
                == "[+]database excluded: ok\nwarn: there are no checks to exclude named nothing\nreadyz check passed\n"
        )
    }

    @Test func `one check of readiness has its own path`() {
        let report = Self.report([Self.check("a", .fail, [.ready]), Self.check("b", .pass, [.ready, .live])])
        #expect(report.answer(toReadinessOf: "a").status == 503)
        #expect(report.answer(toReadinessOf: "b").status == 200)
        #expect(report.answer(toReadinessOf: "c") == .notFound)
    }

    @Test func `an output cannot forge a line`() {
        var check = Self.check("a", .fail, [.ready])
        check.output = "x\n[+]a ok\r\nreadyz check passed"
        let body = Self.report([check]).answer(to: .ready, isVerbose: false, excluding: []).body
        #expect(body.split(separator: "\n").count == 2)
    }

    @Test func `the document has one array for each key and an output only when not pass`() throws {
        var one = HealthCheck(
            "relay", .pass, for: [.health], key: "relay:connections", componentID: "wss://a.example",
            value: .integer(1),
            unit: "connections", output: "unused")
        var two = one
        two.componentID = "wss://b.example"
        two.status = .warn
        two.output = "TLS handshake failed"
        one.output = "hidden"
        let answer = Self.report([one, two, Self.check("startup", .fail, [.startup])]).healthAnswer
        #expect(answer.status == 200)
        #expect(answer.contentType == "application/health+json")
        #expect(answer.cacheControl == "max-age=5")
        #expect(
            answer.body == """
                {"status":"warn","version":"1","releaseId":"0.3.0","serviceId":"nostr-ingest/main","checks":\
                {"relay:connections":[{"componentId":"wss://a.example","componentType":"component","observedValue":1,\
                "observedUnit":"connections","status":"pass","time":"2026-01-02T03:04:05Z"},\
                {"componentId":"wss://b.example","componentType":"component","observedValue":1,\
                "observedUnit":"connections","status":"warn","time":"2026-01-02T03:04:05Z",\
                "output":"TLS handshake failed"}]}}

                """)
    }

    @Test func `health fails with its worst check`() {
        #expect(Self.report([Self.check("a", .fail, [.health])]).healthAnswer.status == 503)
    }

    @Test(
        arguments: [
            ("/livez", HealthRoute.probe(.live)), ("/readyz", .probe(.ready)), ("/ready", .probe(.ready)),
            ("/startupz", .probe(.startup)), ("/health", .health), ("/healthz", .health), ("/metrics", .metrics),
            ("/readyz/database", .readiness(check: "database")),
            ("/", nil), ("/readyz/", nil), ("/readyz/a/b", nil), ("/livez/", nil), ("", nil), ("/METRICS", nil),
        ] as [(String, HealthRoute?)])
    func `paths`(path: String, route: HealthRoute?) {
        #expect(HealthRoute(path: path) == route)
    }

    @Test(
        arguments: [
            (nil, true), ("localhost", true), ("localhost:9464", true), ("LOCALHOST", true), ("127.0.0.1:9464", true),
            ("127.8.0.1", true), ("[::1]:9464", true), ("[::1]", true),
            ("evil.example", false), ("127.0.0.1.evil.example", false), ("[::2]", false), ("", false),
            ("128.0.0.1", false),
        ] as [(String?, Bool)])
    func `names of loopback`(host: String?, isLoopback: Bool) {
        #expect(LoopbackName.contains(host) == isLoopback)
    }

    @Test(
        arguments: [
            ("127.0.0.1:9464", "127.0.0.1", 9464), ("[::1]:0", "::1", 0), ("localhost:80", "localhost", 80),
            (":80", nil, 0), ("1.2.3.4", nil, 0), ("::1:80", nil, 0), ("a:70000", nil, 0), ("a:+1", nil, 0),
            ("a:", nil, 0),
        ] as [(String, String?, Int)])
    func `addresses to listen on`(text: String, host: String?, port: Int) {
        #expect(ListenAddress(text) == host.map { ListenAddress(host: $0, port: port) })
    }

    @Test(
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (1_767_323_045, "2026-01-02T03:04:05Z"), (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] as [(Int64, String)])
    func `times`(seconds: Int64, text: String) {
        #expect(Timestamp(seconds).rfc3339 == text)
    }

    @Test(arguments: [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\nrest", 64, RequestHeadMeter.Step.complete(bytes: 27)),
        ("GET / HTTP/1.1\nHost: a\n\n", 64, .complete(bytes: 24)),
        ("GET / HTTP/1.1\r\nHost: a\r\n", 64, .more),
        ("GET / HTTP/1.1\r\nHost: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n\r\n", 32, .tooLarge),
    ])
    func `where a header ends`(text: String, limit: Int, step: RequestHeadMeter.Step) {
        var meter = RequestHeadMeter(limit: limit)
        #expect(meter.received(Array(text.utf8)) == step)
        // The same byte by byte.
        var slow = RequestHeadMeter(limit: limit)
        var last = RequestHeadMeter.Step.more
        for byte in text.utf8 where last == .more { last = slow.received([byte]) }
        switch step {
        case .complete: #expect(last == .complete(bytes: 1))
        case .more, .tooLarge: #expect(last == step)
        }
    }
}
