import Logging
import NIOCore
import NIOPosix
import Nostr
import Testing

@testable import RelayClient

let quiet = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

/// Limits that strike within a test's patience, and permission to dial loopback.
func testOptions(_ change: (inout RelayConnectionOptions) -> Void = { _ in }) -> RelayConnectionOptions {
    var options = RelayConnectionOptions()
    options.allowPrivateAddresses = true
    options.closeLimit = .seconds(3)
    options.shutdownCloseLimit = .milliseconds(100)
    change(&options)
    return options
}

func loopback(_ port: Int, scheme: String = "ws", host: String = "127.0.0.1") throws -> RelayURL {
    try #require(RelayURL("\(scheme)://\(host):\(port)/relay?a=b"))
}

/// Everything that arrived, messages as text.
struct Transcript {
    var messages: [String] = []
    var batches = 0
    var pongs = 0
    var end: RelayDisconnect?

    mutating func append(_ batch: RelayConnection.Batch) {
        self.batches += 1
        for element in batch.elements {
            switch element {
            case .message(let text): self.messages.append(String(buffer: text))
            case .binary(let bytes): self.messages.append("binary \(bytes.readableBytes)")
            case .pong: self.pongs += 1
            case .closed(let end): self.end = end
            }
        }
    }
}

/// Connects and reads to the end.
func transcript(
    _ port: Int, _ options: RelayConnectionOptions = testOptions(), scheme: String = "ws"
) async throws -> Transcript {
    try await RelayConnection.withConnection(to: loopback(port, scheme: scheme), options: options, logger: quiet) {
        inbound, _ in
        var transcript = Transcript()
        for try await batch in inbound { transcript.append(batch) }
        return transcript
    }
}

struct RelayConnectionTests {
    @Test func `messages of one write arrive in order, in few batches, and the end is told`() async throws {
        let got = try await withServer { peer in
            await peer.upgrade()
            await peer.write(bytes: (0..<100).flatMap { ScriptedPeer.frame(0x81, Array("message \($0)".utf8)) })
            await peer.close(1000, "bye")
            _ = await peer.clientClose()
        } client: {
            try await transcript($0)
        }
        #expect(got.messages == (0..<100).map { "message \($0)" })
        #expect(got.batches <= 3)
        #expect(got.end == RelayDisconnect(cause: .normal, code: 1000, reason: "bye"))
    }

    @Test func `the request names host, path and query, and offers no extension`() async throws {
        let (requests, requested) = AsyncStream.makeStream(of: String.self)
        _ = try await withServer { peer in
            requested.yield(await peer.upgrade())
            requested.finish()
        } client: { port in
            _ = try await transcript(port)
            var iterator = requests.makeAsyncIterator()
            let request = await iterator.next(isolation: #isolation) ?? ""
            #expect(request.hasPrefix("GET /relay?a=b HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"))
            #expect(request.contains("\r\nSec-WebSocket-Version: 13\r\n"))
            #expect(!request.contains("Extensions"))
        }
    }

    @Test func `what is sent is masked with a new key for every frame`() async throws {
        let (frames, sent) = AsyncStream.makeStream(of: (first: UInt8, payload: [UInt8], key: [UInt8])?.self)
        try await withServer { peer in
            await peer.upgrade()
            for _ in 0..<3 { sent.yield(await peer.clientFrame()) }
            sent.finish()
        } client: { port in
            try await RelayConnection.withConnection(to: loopback(port), options: testOptions(), logger: quiet) {
                _, outbound in
                try await outbound.send(text: "one")
                try await outbound.send(text: String(repeating: "x", count: 70_000))
                try await outbound.ping()
                var got: [(first: UInt8, payload: [UInt8], key: [UInt8])] = []
                for await frame in frames { got.append(try #require(frame)) }
                #expect(got.map(\.first) == [0x81, 0x81, 0x89])
                #expect(got[0].payload == Array("one".utf8))
                #expect(got[1].payload == Array(repeating: UInt8(ascii: "x"), count: 70_000))
                #expect(Set(got.map(\.key)).count == 3)
            }
        }
    }

    @Test func `a closed port is refused, R01`() async throws {
        let port = try await withServer { _ in
        } client: {
            $0
        }
        await #expect { try await transcript(port) } throws: { ($0 as? RelayConnectionError)?.result == .refused }
    }

    @Test func `a reset in a session is the cause of its end, R03`() async throws {
        let got = try await withServer { peer in
            await peer.upgrade()
            await peer.text("before")
            // The message must have been read: a reset discards what was not.
            _ = await peer.clientFrame()
            await peer.reset()
        } client: { port in
            try await RelayConnection.withConnection(to: loopback(port), options: testOptions(), logger: quiet) {
                inbound, outbound in
                var transcript = Transcript()
                for try await batch in inbound {
                    transcript.append(batch)
                    try? await outbound.send(text: "seen")
                }
                return transcript
            }
        }
        #expect(got.messages == ["before"])
        #expect(got.end?.cause == .reset)
    }

    @Test func `a reset while connecting is no connection, R03`() async throws {
        try await withServer { peer in
            _ = await peer.request()
            await peer.reset()
        } client: { port in
            await #expect { try await transcript(port) } throws: { ($0 as? RelayConnectionError)?.result == .http }
        }
    }

    @Test(
        arguments: [
            (1000, .normal), (1001, .goingAway), (1002, .protocol), (1003, .protocol), (1007, .protocol),
            (1008, .policy),
            (1009, .oversized), (1011, .error), (1012, .goingAway), (1013, .goingAway), (3000, .error), (4999, .error),
        ] as [(UInt16, DisconnectCause)])
    func `a close code says why, is echoed, and what follows it is ignored, R24`(
        code: UInt16, cause: DisconnectCause
    ) async throws {
        let (codes, echoed) = AsyncStream.makeStream(of: UInt16?.self)
        let got = try await withServer { peer in
            await peer.upgrade()
            await peer.write(
                bytes: ScriptedPeer.frame(0x88, [UInt8(code >> 8), UInt8(code & 0xFF)] + Array("why".utf8))
                    + ScriptedPeer.frame(0x81, Array("late".utf8)))
            await peer.text("later")
            echoed.yield(await peer.clientClose())
            echoed.finish()
        } client: {
            try await transcript($0)
        }
        #expect(got.end == RelayDisconnect(cause: cause, code: code, reason: "why"))
        #expect(got.messages.isEmpty)
        for await echo in codes { #expect(echo == code) }
    }

    @Test func `a close without a code is normal, R24`() async throws {
        let got = try await withServer { peer in
            await peer.upgrade()
            await peer.frame(0x88)
        } client: {
            try await transcript($0)
        }
        #expect(got.end == RelayDisconnect(cause: .normal))
    }

    @Test func `TCP that ends in the middle of a message loses that message only, R25`() async throws {
        let got = try await withServer { peer in
            await peer.upgrade()
            await peer.write(
                bytes: ScriptedPeer.frame(0x81, Array("whole".utf8)) + ScriptedPeer.frame(0x01, Array("part".utf8))
                    + [0x80, 100, 0x41])
        } client: {
            try await transcript($0)
        }
        #expect(got.messages == ["whole"])
        #expect(got.end?.cause == .eof)
    }

    @Test func `a TCP end right after the upgrade is an eof`() async throws {
        let got = try await withServer { peer in
            await peer.upgrade()
        } client: {
            try await transcript($0)
        }
        #expect(got.end == RelayDisconnect(cause: .eof))
    }

    @Test func `the body's result comes back and the peer sees 1000`() async throws {
        let (codes, closed) = AsyncStream.makeStream(of: UInt16?.self)
        try await withServer { peer in
            await peer.upgrade()
            closed.yield(await peer.clientClose())
            closed.finish()
        } client: { port in
            let result = try await RelayConnection.withConnection(
                to: loopback(port), options: testOptions(), logger: quiet
            ) { _, _ in 42 }
            #expect(result == 42)
            for await code in codes { #expect(code == 1000) }
        }
    }

    @Test func `the body's error comes back`() async throws {
        struct Mine: Error {}
        try await withServer { peer in
            await peer.upgrade()
            _ = await peer.clientClose()
        } client: { port in
            await #expect(throws: Mine.self) {
                try await RelayConnection.withConnection(to: loopback(port), options: testOptions(), logger: quiet) {
                    _, _ in throw Mine()
                }
            }
        }
    }

    @Test func `after our close nothing is sent, and inbound tells our cause`() async throws {
        try await withServer { peer in
            await peer.upgrade()
            _ = await peer.clientClose()
        } client: { port in
            try await RelayConnection.withConnection(to: loopback(port), options: testOptions(), logger: quiet) {
                inbound, outbound in
                await outbound.close(code: 1000, reason: "nothing to do", cause: .idle)
                await #expect(throws: RelayConnectionError.closed) { try await outbound.send(text: "late") }
                var transcript = Transcript()
                for try await batch in inbound { transcript.append(batch) }
                #expect(transcript.end == RelayDisconnect(cause: .idle, code: 1000, reason: "nothing to do"))
            }
        }
    }

    @Test func `the handshake tells the relay's clock and the address`() async throws {
        try await withServer { peer in
            await peer.upgrade(["Date: Sun, 06 Nov 1994 08:49:37 GMT"])
            _ = await peer.clientClose()
        } client: { port in
            let handshake = try await RelayConnection.withConnection(
                to: loopback(port), options: testOptions(), logger: quiet
            ) { inbound, _ in inbound.handshake }
            #expect(handshake.serverDate == 784_111_777)
            #expect(handshake.address == "127.0.0.1")
        }
    }

    @Test func `an idle connection hands over empty batches where its reader wants the time`() async throws {
        try await withServer { peer in
            await peer.upgrade()
            _ = await peer.clientClose()
        } client: { port in
            let options = testOptions { $0.tickInterval = .milliseconds(10) }
            try await RelayConnection.withConnection(to: loopback(port), options: options, logger: quiet) {
                inbound, _ in
                var iterator = inbound.makeAsyncIterator()
                let first = try #require(try await iterator.next())
                let second = try #require(try await iterator.next())
                #expect(first.elements.isEmpty && second.elements.isEmpty)
                #expect(first.byteCount == 0)
                #expect(first.receivedAt < second.receivedAt)
            }
        }
    }
}
