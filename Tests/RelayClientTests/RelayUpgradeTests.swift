import Glibc
import NIOCore
import Nostr
import Testing

@testable import RelayClient

/// Blocks the calling thread for a moment: a step of what a dead name server does.
func sleepForAMoment() { usleep(2_000) }

/// From the name to the end of the upgrade, on real sockets.
struct RelayUpgradeTests {
    private func failure(
        _ url: RelayURL, _ options: RelayConnectionOptions = testOptions(), resolver: AddressResolver = .system
    ) async throws -> RelayConnectionError {
        do {
            try await RelayConnection.withConnection(to: url, options: options, resolver: resolver, logger: quiet) {
                _, _ in
            }
        } catch let error as RelayConnectionError {
            return error
        }
        Issue.record("connected")
        return .closed
    }

    @Test(arguments: [
        ("garbage", "\u{0}\u{1}\u{2}"), ("a TLS record", "\u{15}\u{3}\u{1}\u{0}\u{2}\u{2}\u{28}"),
        ("HTML", "<html></html>"),
        ("plain HTTP", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"), ("SSH", "SSH-2.0-OpenSSH_9.2\r\n"),
    ])
    func `what does not switch protocols is no relay, R10`(note: String, answer: String) async throws {
        try await withServer { peer in
            _ = await peer.request()
            await peer.write(answer)
            await peer.untilClosed()
        } client: { port in
            let error = try await self.failure(loopback(port))
            #expect(error.result == .http)
        }
    }

    @Test func `a server that speaks first, or closes without a word, is no relay, R10`() async throws {
        try await withServer { peer in
            if peer.index == 0 { await peer.write("220 smtp.example ESMTP\r\n") }
            _ = await peer.request()
        } client: { port in
            for _ in 0..<2 {
                let error = try await self.failure(loopback(port))
                #expect(error.result == .http)
            }
        }
    }

    @Test(arguments: [301, 302, 307, 308])
    func `a redirect is not followed, R11`(status: Int) async throws {
        let (connections, counted) = AsyncStream.makeStream(of: Int.self)
        try await withServer { peer in
            counted.yield(peer.index)
            let port = peer.channel.localAddress?.port ?? 0
            _ = await peer.request()
            await peer.write("HTTP/1.1 \(status) Moved\r\nLocation: http://127.0.0.1:\(port)/loop\r\n\r\n")
            await peer.untilClosed()
        } client: { port in
            let refusal = UpgradeRefusal(status: status, redirectHost: "127.0.0.1:\(port)")
            let error = try await self.failure(loopback(port))
            #expect(error == .upgradeRefused(refusal))
        }
        counted.finish()
        for await index in connections { #expect(index == 0) }
    }

    @Test(arguments: [
        ("401 Unauthorized", "", UpgradeRefusal(status: 401)),
        ("403 Forbidden", "", UpgradeRefusal(status: 403)),
        ("429 Slow down", "Retry-After: 7\r\n", UpgradeRefusal(status: 429, retryAfter: .seconds(7))),
        ("503 Busy", "Retry-After: rubbish\r\n", UpgradeRefusal(status: 503)),
    ])
    func `a refusal is reported with what it asks for, R12 and R13`(
        status: String, lines: String, refusal: UpgradeRefusal
    ) async throws {
        try await withServer { peer in
            _ = await peer.request()
            await peer.write("HTTP/1.1 \(status)\r\n\(lines)\r\n")
        } client: { port in
            let error = try await self.failure(loopback(port))
            #expect(error == .upgradeRefused(refusal))
        }
    }

    @Test(arguments: [
        ["Sec-WebSocket-Extensions: permessage-deflate"], ["Sec-WebSocket-Protocol: nostr"],
        ["Sec-WebSocket-Accept: wrong"],
    ])
    func `an answer to another question fails, R14`(lines: [String]) async throws {
        try await withServer { peer in
            await peer.upgrade(lines)
            await peer.untilClosed()
        } client: { port in
            let error = try await self.failure(loopback(port))
            #expect(error.result == .http)
        }
    }

    @Test func `a header that trickles has its limit, R22`() async throws {
        try await withServer { peer in
            _ = await peer.request()
            await peer.write("HTTP/1.1 101 Switching")
            await peer.untilClosed()
        } client: { port in
            let options = testOptions { $0.upgradeLimit = .milliseconds(100) }
            let error = try await self.failure(loopback(port), options)
            #expect(error == .upgradeTimedOut)
        }
    }

    // MARK: Names and addresses

    private func addresses(_ texts: [String]) -> AddressResolver {
        AddressResolver { host, port in try texts.map { try SocketAddress(ipAddress: $0, port: port) } }
    }

    @Test(arguments: [
        ["127.0.0.1"], ["::1"], ["::ffff:127.0.0.1"], ["10.0.0.1", "192.168.1.1", "fe80::1"], ["169.254.169.254"],
        ["64:ff9b::7f00:1"],
    ])
    func `a public name that resolves to a private address is not dialled, 65-10 and S01`(texts: [String]) async throws
    {
        try await withServer { _ in
            Issue.record("dialled")
        } client: { port in
            let options = testOptions { $0.allowPrivateAddresses = false }
            let error = try await self.failure(
                loopback(port, host: "relay.example"), options, resolver: self.addresses(texts))
            #expect(error.result == .policy)
        }
    }

    @Test func `the system's resolver is judged too, and knows addresses`() async throws {
        try await withServer { _ in
            Issue.record("dialled")
        } client: { port in
            let options = testOptions { $0.allowPrivateAddresses = false }
            for host in ["localhost", "127.0.0.1", "127.1", "0x7f000001", "2130706433"] {
                let error = try await self.failure(loopback(port, host: host), options)
                #expect(error.result == .policy, "\(host): \(error)")
            }
        }
    }

    @Test func `a name is resolved once and only what was judged is dialled, S02`() async throws {
        let (lookups, counted) = AsyncStream.makeStream(of: Int.self)
        let resolver = AddressResolver { host, port in
            counted.yield(1)
            return [try SocketAddress(ipAddress: "127.0.0.1", port: port)]
        }
        try await withServer { peer in
            let request = await peer.upgrade()
            // The name stays in the request.
            await peer.text(request.contains("Host: relay.example:") ? "named" : "nameless")
            await peer.close(1000)
        } client: { port in
            let url = try loopback(port, host: "relay.example")
            let messages = try await RelayConnection.withConnection(
                to: url, options: testOptions(), resolver: resolver, logger: quiet
            ) { inbound, _ in
                var transcript = Transcript()
                for try await batch in inbound { transcript.append(batch) }
                return transcript.messages
            }
            #expect(messages == ["named"])
        }
        counted.finish()
        var count = 0
        for await one in lookups { count += one }
        #expect(count == 1)
    }

    @Test func `a private address beside a public one is skipped, not the name`() throws {
        // The public one is never dialled here: the rule is asked directly.
        let private4 = try #require(IPAddress("10.0.0.1"))
        let public4 = try #require(IPAddress("8.8.8.8"))
        #expect([private4, public4].map { AddressGuard().refusal(of: $0) == nil } == [false, true])
    }

    @Test func `the next address is tried within the same attempt, R07`() async throws {
        try await withServer { peer in
            await peer.upgrade()
            await peer.close(1000)
        } client: { port in
            // Nothing listens on ::1 nor on 127.0.0.2 with this port.
            let resolver = self.addresses(["::1", "127.0.0.2", "127.0.0.1"])
            let address = try await RelayConnection.withConnection(
                to: loopback(port, host: "relay.example"), options: testOptions(), resolver: resolver, logger: quiet
            ) { inbound, _ in inbound.handshake.address }
            #expect(address == "127.0.0.1")
        }
    }

    @Test func `a name without addresses is a failure of DNS, R05`() async throws {
        let url = try loopback(443, host: "nowhere.invalid")
        #expect(try await self.failure(url, resolver: self.addresses([])).result == .dns)
        let failing = AddressResolver { _, _ in throw RelayConnectionError.nameNotResolved(message: "SERVFAIL") }
        #expect(try await self.failure(url, resolver: failing) == .nameNotResolved(message: "SERVFAIL"))
    }

    @Test func `a name server that does not answer counts against the connect limit, R05`() async throws {
        let released = Counter()
        let slow = AddressResolver { _, _ in
            while released.value == 0 { sleepForAMoment() }
            return []
        }
        defer { released.set(1) }
        let options = testOptions { $0.connectLimit = .milliseconds(100) }
        #expect(try await self.failure(loopback(443), options, resolver: slow).result == .timeout)
    }

    @Test(arguments: ["ws://relay.example", "wss://8.8.8.8", "wss://relay.example:5432", "wss://printer.local"])
    func `a hint that breaks the policy is not even resolved, S04`(text: String) async throws {
        let resolver = AddressResolver { _, _ in
            Issue.record("resolved")
            return []
        }
        let options = testOptions {
            $0.allowPrivateAddresses = false
            $0.isHint = true
        }
        #expect(try await self.failure(try #require(RelayURL(text)), options, resolver: resolver).result == .policy)
    }
}
