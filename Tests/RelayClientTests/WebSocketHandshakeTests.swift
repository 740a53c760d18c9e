import NIOCore
import Nostr
import Testing

@testable import RelayClient

struct WebSocketHandshakeTests {
    private static let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
    private static let valid = [
        "HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade",
        "Sec-WebSocket-Accept: " + Self.accept,
    ]

    /// The outcome of a response that arrives in pieces; nil if it never ends.
    private func outcome(
        _ response: String, piece: Int = .max, headerBytesMax: Int = 1_000
    ) throws -> Result<WebSocketHandshake.Success, RelayConnectionError>? {
        let url = try #require(RelayURL("wss://relay.example/"))
        var handshake = WebSocketHandshake(
            url, userAgent: "test", nonce: Array("the sample nonce".utf8), headerBytesMax: headerBytesMax)
        #expect(handshake.request.contains("\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"))
        var rest = Array(response.utf8)[...]
        while !rest.isEmpty {
            do throws(RelayConnectionError) {
                let chunk = ByteBuffer(bytes: rest.prefix(piece))
                rest = rest.dropFirst(piece)
                if let success = try handshake.append(chunk, now: 784_111_777) { return .success(success) }
            } catch {
                return .failure(error)
            }
        }
        return nil
    }

    private func response(_ lines: [String]) -> String { (lines + ["", ""]).joined(separator: "\r\n") }

    @Test func `the example of RFC 6455 section 1_3`() {
        #expect(WebSocketHandshake.accept(for: "dGhlIHNhbXBsZSBub25jZQ==") == Self.accept)
    }

    @Test(arguments: [1, 7, 10_000])
    func `frames behind the header are kept, however TCP cuts it`(piece: Int) throws {
        let text = self.response(Self.valid + ["Date: Sun, 06 Nov 1994 08:49:37 GMT"])
        let success = try self.outcome(text + "rest", piece: piece)?.get()
        #expect(success?.serverDate == 784_111_777)
        if piece == 10_000 { #expect(success?.rest == ByteBuffer(string: "rest")) }
    }

    @Test(arguments: [
        [
            "HTTP/1.1 101", "upgrade: WebSocket", "CONNECTION: keep-alive, Upgrade",
            "sec-websocket-accept:\t" + Self.accept,
        ],
        Self.valid + ["Sec-WebSocket-Extensions: ", "X-Odd: caf\u{e9}", "Empty:"],
    ])
    func `names are case-insensitive and lists are lists`(lines: [String]) throws {
        #expect(try self.outcome(self.response(lines))?.isSuccess == true)
    }

    @Test(arguments: [
        Self.valid.dropLast() + ["Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA="],
        Self.valid.dropLast() + [],
        Self.valid + ["Sec-WebSocket-Accept: " + Self.accept],
        Self.valid + ["Sec-WebSocket-Extensions: permessage-deflate"],
        Self.valid + ["Sec-WebSocket-Protocol: nostr"],
        [Self.valid[0], Self.valid[2], Self.valid[3]],
        [Self.valid[0], Self.valid[1], Self.valid[3]],
        [Self.valid[0], "Upgrade: h2c", Self.valid[2], Self.valid[3]],
        [Self.valid[0], Self.valid[1], "Connection: close", Self.valid[3]],
        ["HTTP/1.1 1012 What"] + Self.valid.dropFirst(),
        Self.valid + [" folded: line"],
        Self.valid + ["no colon"],
    ])
    func `a response that does not answer the request fails, R14`(lines: [String]) throws {
        let outcome = try self.outcome(self.response(lines))
        guard case .failure(.upgradeInvalid) = outcome else {
            Issue.record("\(String(describing: outcome))")
            return
        }
    }

    @Test(arguments: [
        "SSH-2.0-OpenSSH_9.2\r\n", "\u{16}\u{3}\u{1}", "HTTP/1.0 200 OK\r\n", "HTTP/2 200", "x", "<html>",
    ])
    func `what is not HTTP 1_1 is refused from its first bytes, R10`(text: String) throws {
        #expect(try self.outcome(text) == .failure(.upgradeInvalid(reason: "not an HTTP/1.1 response")))
    }

    @Test func `a header without end is refused at its limit`() throws {
        let text = "HTTP/1.1 101 Switching Protocols\r\nX: " + String(repeating: "a", count: 2_000)
        #expect(try self.outcome(text, piece: 100) == .failure(.upgradeInvalid(reason: "header too large")))
        #expect(try self.outcome(text + "\r\n\r\n") == .failure(.upgradeInvalid(reason: "header too large")))
        #expect(try self.outcome("HTTP/1.1 101 Switching Protocols\r\nX: a") == nil)
    }

    @Test(arguments: [
        (["HTTP/1.1 401 Unauthorized"], UpgradeRefusal(status: 401), "R12"),
        (["HTTP/1.1 403 Forbidden"], UpgradeRefusal(status: 403), "R12"),
        (
            ["HTTP/1.1 429 Too Many Requests", "Retry-After: 120"],
            UpgradeRefusal(status: 429, retryAfter: .seconds(120)), "R13"
        ),
        (
            ["HTTP/1.1 503 Busy", "Retry-After: 1000000000"], UpgradeRefusal(status: 503, retryAfter: .seconds(3_600)),
            "R13"
        ),
        (["HTTP/1.1 503 Busy", "Retry-After: -1"], UpgradeRefusal(status: 503), "R13"),
        (["HTTP/1.1 503 Busy", "Retry-After: soon"], UpgradeRefusal(status: 503), "R13"),
        (
            ["HTTP/1.1 503 Busy", "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT"],
            UpgradeRefusal(status: 503, retryAfter: .seconds(30)), "R13"
        ),
        (
            ["HTTP/1.1 503 Busy", "Date: Sun, 06 Nov 1994 08:50:00 GMT", "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT"],
            UpgradeRefusal(status: 503, retryAfter: .seconds(7)), "R13, by the server's own clock"
        ),
        (
            ["HTTP/1.1 301 Moved", "Location: https://user:pw@other.example/path"],
            UpgradeRefusal(status: 301, redirectHost: "other.example"), "R11"
        ),
        (
            ["HTTP/1.1 307 Moved", "Location: http://relay.example"],
            UpgradeRefusal(status: 307, redirectHost: "relay.example"), "R11"
        ),
        (["HTTP/1.1 308 Moved", "Location: /loop"], UpgradeRefusal(status: 308, redirectHost: "the same host"), "R11"),
        (
            ["HTTP/1.1 302 Found", "Location: wss://evil\u{1B}[2Jhost/"],
            UpgradeRefusal(status: 302, redirectHost: "evil[2Jhost"), "R11, S14"
        ),
        (["HTTP/1.1 200 OK", "Content-Length: 2"], UpgradeRefusal(status: 200), "R10"),
    ])
    func `another status is reported with what helps`(lines: [String], refusal: UpgradeRefusal, note: String) throws {
        #expect(try self.outcome(self.response(lines)) == .failure(.upgradeRefused(refusal)))
    }
}

extension Result {
    fileprivate var isSuccess: Bool {
        guard case .success = self else { return false }
        return true
    }
}
