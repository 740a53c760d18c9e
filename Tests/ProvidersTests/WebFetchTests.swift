import NIOCore
import Nostr
import RelayClient
import Synchronization
import Testing

@testable import Providers

struct WebFetchTests {
    private func answer(
        to url: String = "https://a.test/x", redirectsMax: Int = 0, certificate: String = "good",
        limits: (inout ProviderSettings) -> Void = { _ in },
        _ answer: @escaping @Sendable (String) -> WebServer.Answer
    ) async throws -> (answer: WebFetch.Answer, requests: [String]) {
        try await WebServer.with(certificate: certificate, answer) { server, port in
            let fetch = try testFetch(port: port, limits)
            return (try await fetch.document(at: testURL(url), redirectsMax: redirectsMax), server.requests)
        }
    }

    @Test func `a document is read over TLS, from the name that was asked for`() async throws {
        let result = try await self.answer(to: "https://A.test/x?y=z#part") { _ in .json(#"{"a":1}"#) }
        #expect(result.answer == .document(Array(#"{"a":1}"#.utf8)))
        #expect(result.requests == ["a.test/x?y=z"])
    }

    @Test(
        arguments: [
            (.status(404), .refused(reason: "status 404")),
            (.status(304), .refused(reason: "status 304")), (.status(429), .failed(reason: "status 429")),
            (.status(503), .failed(reason: "status 503")),
        ] as [(WebServer.Answer, WebFetch.Answer)])
    func `what an answer means`(given: WebServer.Answer, expected: WebFetch.Answer) async throws {
        #expect(try await self.answer { _ in given }.answer == expected)
    }

    @Test func `an answer that does not end has its limit`() async throws {
        let result = try await self.answer(limits: { $0.requestLimit = .milliseconds(200) }) { _ in .stalled }
        #expect(result.answer == .failed(reason: "timed out"))
    }

    @Test func `an answer beyond the limit of its size is not read`() async throws {
        let limit: (inout ProviderSettings) -> Void = { $0.answerBytesMax = 2_000 }
        #expect(
            try await self.answer(limits: limit) { _ in .large(1_998) }.answer
                == .document([UInt8](repeating: 0x20, count: 1_998) + Array("{}".utf8)))
        #expect(
            try await self.answer(limits: limit) { _ in .large(1_999) }.answer == .refused(reason: "answer too large"))
    }

    @Test(arguments: ["wrong-name", "expired", "unknown-ca", "self-signed"])
    func `a certificate that does not prove the name is no answer`(certificate: String) async throws {
        let result = try await self.answer(certificate: certificate) { _ in .json("{}") }
        #expect(result.answer == .failed(reason: "TLS failed"))
        #expect(result.requests == [])
    }

    // MARK: Redirects

    @Test func `redirects are followed only where the protocol allows it, 3-5`() async throws {
        let server: @Sendable (String) -> WebServer.Answer = { path in
            path == "a.test/x" ? .status(301, ["Location": "https://b.test/y"]) : .json("{}")
        }
        let followed = try await self.answer(redirectsMax: 3, server)
        #expect(followed.answer == .document(Array("{}".utf8)))
        #expect(followed.requests == ["a.test/x", "b.test/y"])
        let refused = try await self.answer(redirectsMax: 0, server)
        #expect(refused.answer == .refused(reason: "status 301"))
        #expect(refused.requests == ["a.test/x"])
    }

    @Test func `a chain of redirects has an end`() async throws {
        let result = try await self.answer(redirectsMax: 3) { path in .status(302, ["Location": "/\(path.utf8.count)"])
        }
        #expect(result.answer == .refused(reason: "too many redirects"))
        #expect(result.requests.count == 4)
    }

    @Test(arguments: ["http://b.test/", "file:///etc/passwd", "", "//", "wss://b.test/", "https://u:p@b.test/"])
    func `a redirect leads to https or nowhere`(location: String) async throws {
        let result = try await self.answer(redirectsMax: 3) { _ in .status(302, ["Location": location]) }
        #expect(result.answer == .refused(reason: "redirect to no https URL"))
        #expect(result.requests.count == 1)
    }

    // MARK: Addresses

    @Test(
        arguments: [
            "https://127.0.0.1/x", "https://[::1]/x", "https://169.254.169.254/latest", "https://a.test:5432/x",
            "https://printer.local/x", "https://a.test:22/x", "https://hidden.onion/x",
        ])
    func `addresses, odd ports and local names are refused before anything is resolved, S01`(url: String) async throws {
        let resolver = AddressResolver { (_, _) -> [SocketAddress] in
            Issue.record("resolved")
            return []
        }
        let fetch = try testFetch(port: 1, allowsPrivateAddresses: false, resolver: resolver)
        let answer = try await fetch.document(at: testURL(url), redirectsMax: 0)
        guard case .refused(let reason) = answer else {
            Issue.record("\(answer)")
            return
        }
        #expect(reason.hasPrefix("address refused: "))
    }

    @Test(arguments: ["127.0.0.1", "10.1.2.3", "169.254.169.254", "::1", "fd00::1", "::ffff:192.168.0.1"])
    func `a name that leads into a private network is refused`(address: String) async throws {
        try await WebServer.with({ _ in .json("{}") }) { server, port in
            let resolver = AddressResolver { _, _ in [try SocketAddress(ipAddress: address, port: port)] }
            let fetch = try testFetch(port: port, allowsPrivateAddresses: false, resolver: resolver)
            let answer = try await fetch.document(at: testURL("https://a.test/x"), redirectsMax: 3)
            guard case .refused(let reason) = answer else {
                Issue.record("\(answer)")
                return
            }
            #expect(reason.hasPrefix("address refused: "))
            #expect(server.requests == [])
        }
    }

    /// Rebinding: a name server that says one thing when asked to judge and another when asked to dial.
    @Test func `a name is resolved once, and what was judged is what is dialled`() async throws {
        let lookups = Atomic<Int>(0)
        try await WebServer.with({ _ in .json("{}") }) { server, port in
            let resolver = AddressResolver { _, _ in
                let number = lookups.add(1, ordering: .relaxed).newValue
                // Nobody listens on the second one.
                return [try SocketAddress(ipAddress: number == 1 ? "127.0.0.1" : "127.0.0.2", port: port)]
            }
            let fetch = try testFetch(port: port, resolver: resolver)
            guard case .document = try await fetch.document(at: testURL("https://a.test/x"), redirectsMax: 0) else {
                Issue.record("the address that was judged was not dialled")
                return
            }
            #expect(server.requests.count == 1)
        }
        #expect(lookups.load(ordering: .relaxed) == 1)
    }

    @Test func `a redirect into a private network is refused like a first address`() async throws {
        let refused = AddressResolver { host, port in
            [try SocketAddress(ipAddress: host == "inside.test" ? "10.0.0.1" : "127.0.0.1", port: port)]
        }
        let fetch = try testFetch(port: 1, allowsPrivateAddresses: false, resolver: refused)
        let answer = try await fetch.document(at: testURL("https://inside.test/x"), redirectsMax: 3)
        #expect(answer == .refused(reason: "address refused: 10.0.0.0/8"))
    }
}

struct ProviderURLTests {
    @Test(
        arguments: [
            ("https://A.Test", "https://a.test"), ("HTTPS://a.test:443/x", "https://a.test/x"),
            ("https://a.test:8443/x?y#z", "https://a.test:8443/x?y"), ("http://a.test", nil), ("a.test", nil),
            ("https://", nil), ("https://a b.test", nil), ("https://u@a.test", nil), ("wss://a.test", nil),
        ] as [(String, String?)])
    func `only https is an address`(text: String, expected: String?) {
        #expect(ProviderURL(text)?.description == expected)
    }

    @Test(
        arguments: [
            ("/y", "https://a.test:8443/y"), ("//b.test/y", "https://b.test/y"), ("https://b.test", "https://b.test"),
            ("y", nil), ("http://b.test", nil),
        ] as [(String, String?)])
    func `where a Location leads`(location: String, expected: String?) {
        #expect(testURL("https://a.test:8443/x").following(location)?.description == expected)
    }
}
