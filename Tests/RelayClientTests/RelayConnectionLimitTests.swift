import NIOCore
import Nostr
import Testing

@testable import RelayClient

/// What a hostile or dead relay can do to a session, on a real socket with small limits.
struct RelayConnectionLimitTests {
    /// Runs one script; returns what arrived and the code of our close frame.
    private func session(
        _ options: RelayConnectionOptions = testOptions(),
        _ script: @escaping @Sendable (inout ScriptedPeer) async -> Void
    ) async throws -> (transcript: Transcript, code: UInt16?) {
        let (codes, closed) = AsyncStream.makeStream(of: UInt16?.self)
        return try await withServer { peer in
            await peer.upgrade()
            await script(&peer)
            closed.yield(await peer.clientClose())
            closed.finish()
        } client: { port in
            let transcript = try await transcript(port, options)
            var code: UInt16?
            for await closing in codes { code = closing }
            return (transcript, code)
        }
    }

    @Test(
        arguments: [
            ([0xC1, 1, 0x41], 1002, .protocol, "R15"), ([0x81, 0x81, 0, 0, 0, 0, 0x41], 1002, .protocol, "R19"),
            ([0x8B, 0], 1002, .protocol, "R19"), ([0x89, 126, 0, 126], 1002, .protocol, "R19"),
            ([0x81, 1, 0xFF], 1007, .protocol, "R19"),
            ([0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 1009, .oversized, "R16"),
        ] as [([UInt8], UInt16, DisconnectCause, String)])
    func `a violation keeps what came before it and is answered with its code`(
        bytes: [UInt8], code: UInt16, cause: DisconnectCause, row: String
    ) async throws {
        let got = try await self.session { peer in
            await peer.write(bytes: ScriptedPeer.frame(0x81, Array("before".utf8)) + bytes)
            await peer.text("after")
        }
        #expect(got.transcript.messages == ["before"])
        #expect(got.transcript.end?.cause == cause)
        #expect(got.transcript.end?.code == code)
        #expect(got.code == code)
    }

    @Test func `a giant message in fragments is refused, R17`() async throws {
        let got = try await self.session(testOptions { $0.messageBytesMax = 10_000 }) { peer in
            await peer.frame(0x01, Array(repeating: 0x41, count: 5_000))
            await peer.frame(0x00, Array(repeating: 0x41, count: 5_001))
        }
        #expect(got.transcript.end?.cause == .oversized)
        #expect(got.code == 1009)
    }

    @Test func `endless empty fragments are refused, R18`() async throws {
        let got = try await self.session { peer in
            await peer.frame(0x01)
            await peer.write(bytes: (0..<2_000).flatMap { _ in ScriptedPeer.frame(0x00, []) })
        }
        #expect(got.transcript.end?.cause == .oversized)
        #expect(got.code == 1009)
    }

    @Test func `a message that trickles is given up, R18 and R22`() async throws {
        let options = testOptions {
            $0.messageLimit = .milliseconds(100)
            $0.pingInterval = .milliseconds(20)
        }
        let got = try await self.session(options) { peer in
            await peer.frame(0x01, [0x41])
            await peer.write(bytes: [0x80])
        }
        #expect(got.transcript.end == RelayDisconnect(cause: .oversized, code: 1009, reason: "message too slow"))
        #expect(got.code == 1009)
    }

    @Test func `pings are answered with their payload`() async throws {
        let (frames, answered) = AsyncStream.makeStream(of: [UInt8].self)
        let got = try await self.session { peer in
            await peer.frame(0x89, Array("hello".utf8))
            await peer.frame(0x89)
            for _ in 0..<2 {
                guard let frame = await peer.clientFrame() else { break }
                answered.yield([frame.first] + frame.payload)
            }
            answered.finish()
            await peer.close(1000)
        }
        var answers: [[UInt8]] = []
        for await frame in frames { answers.append(frame) }
        #expect(answers == [[0x8A] + Array("hello".utf8), [0x8A]])
        #expect(got.transcript.end?.cause == .normal)
    }

    @Test func `a ping flood is answered ten times, then left, R20`() async throws {
        let (counts, counted) = AsyncStream.makeStream(of: Int.self)
        let got = try await self.session(testOptions { $0.closeLimit = .milliseconds(300) }) { peer in
            await peer.write(bytes: (0..<11).flatMap { _ in ScriptedPeer.frame(0x89, []) })
            var pongs = 0
            while let frame = await peer.clientFrame(), frame.first == 0x8A { pongs += 1 }
            counted.yield(pongs)
            counted.finish()
        }
        #expect(got.transcript.end == RelayDisconnect(cause: .policy, code: 1008, reason: "too many pings"))
        for await pongs in counts { #expect(pongs == 10) }
    }

    @Test func `silence ends a session although pongs and bytes arrive, R04, R21, R22`() async throws {
        let options = testOptions {
            $0.pingInterval = .milliseconds(40)
            $0.silenceLimit = .milliseconds(150)
            $0.closeLimit = .milliseconds(300)
        }
        let got = try await self.session(options) { peer in
            // Each ping of ours is answered with another payload, and a byte of a message trickles beside it.
            await peer.write(bytes: [0x01, 125])
            while let frame = await peer.clientFrame(), frame.first == 0x89 {
                await peer.write(bytes: [0x41])
            }
        }
        #expect(got.transcript.end == RelayDisconnect(cause: .silence, code: 1001, reason: "silence"))
        #expect(got.transcript.pongs == 0)
    }

    @Test func `pongs with another payload are ignored and are no life, R21`() async throws {
        let options = testOptions {
            $0.pingInterval = .milliseconds(40)
            $0.silenceLimit = .milliseconds(150)
            $0.closeLimit = .milliseconds(300)
        }
        let got = try await self.session(options) { peer in
            await peer.frame(0x8A, Array("unasked".utf8))
            while let frame = await peer.clientFrame(), frame.first == 0x89 {
                await peer.frame(0x8A, frame.payload.map { ~$0 })
            }
        }
        #expect(got.transcript.end?.cause == .silence)
        #expect(got.transcript.pongs == 0)
    }

    @Test func `answered pings keep a quiet session alive and are told`() async throws {
        let options = testOptions {
            $0.pingInterval = .milliseconds(100)
            $0.silenceLimit = .seconds(10)
        }
        let got = try await self.session(options) { peer in
            for _ in 0..<3 {
                guard let frame = await peer.clientFrame(), frame.first == 0x89 else { break }
                await peer.frame(0x8A, frame.payload)
            }
            await peer.close(1001)
        }
        #expect(got.transcript.pongs == 3)
        #expect(got.transcript.end?.cause == .goingAway)
    }

    @Test func `a peer that never reads is left when the send buffer is full, R23`() async throws {
        let (over, isOver) = AsyncStream.makeStream(of: Void.self)
        try await withServer { peer in
            await peer.upgrade()
            try? await peer.channel.setOption(.autoRead, value: false).get()
            await peer.text("go")
            // Without reading, a server does not see the end of the client either.
            for await _ in over {}
        } client: { port in
            defer { isOver.finish() }
            let options = testOptions { $0.sendBufferBytesMax = 1_024 * 1_024 }
            try await RelayConnection.withConnection(to: loopback(port), options: options, logger: quiet) {
                inbound, outbound in
                var iterator = inbound.makeAsyncIterator()
                _ = try await iterator.next()
                let message = ByteBuffer(repeating: 0x41, count: 256 * 1_024)
                // Kernel buffers of both sides take a few megabytes, never this much.
                await #expect(throws: RelayConnectionError.sendBufferFull) {
                    for _ in 0..<400 { try await outbound.send(text: message) }
                }
                let end = try await iterator.next()?.elements.last
                #expect(end == .closed(RelayDisconnect(cause: .error, reason: "the peer does not read")))
            }
        }
    }

    @Test func `a consumer that does not read stops the socket, and loses nothing`() async throws {
        let count = 40_000
        let written = Counter()
        try await withServer { peer in
            await peer.upgrade()
            // 40 MB in all: far more than the kernel's buffers and ours.
            let message = ScriptedPeer.frame(0x81, Array(repeating: 0x41, count: 1_000))
            let block = (0..<100).flatMap { _ in message }
            for number in 1...(count / 100) {
                await peer.write(bytes: block)
                written.set(number * 100)
            }
            await peer.close(1000)
            _ = await peer.clientClose()
        } client: { port in
            try await RelayConnection.withConnection(to: loopback(port), options: testOptions(), logger: quiet) {
                inbound, _ in
                var iterator = inbound.makeAsyncIterator()
                var messages = 0
                let first = try await iterator.next()
                messages += first?.elements.count ?? 0

                // What we hold stays bounded however long nobody reads, and the server cannot finish.
                let bound = (testOptions().unreadBatchesMax + 1) * RelayConnectionOptions.burstBytesMax
                let clock = ContinuousClock()
                let deadline = clock.now + .seconds(10)
                while inbound.unreadByteCount == 0, clock.now < deadline {
                    try await clock.sleep(for: .milliseconds(5))
                }
                try await clock.sleep(for: .milliseconds(300))
                #expect(inbound.unreadByteCount > 0)
                #expect(inbound.unreadByteCount <= bound)
                #expect(written.value < count)

                while let batch = try await iterator.next() {
                    messages += batch.elements.count { if case .message = $0 { true } else { false } }
                    #expect(batch.byteCount <= RelayConnectionOptions.burstBytesMax)
                }
                #expect(messages == count)
            }
        }
    }

    @Test func `what is left in the kernel when a relay closes is bounded`() async throws {
        let options = testOptions {
            $0.unreadBatchesMax = 1
            $0.unreadBytesMax = 10_000
        }
        try await withServer { peer in
            await peer.upgrade()
            await peer.text("first")
            _ = await peer.clientFrame()
            await peer.frame(0x81, Array(repeating: 0x41, count: 50_000))
        } client: { port in
            try await RelayConnection.withConnection(to: loopback(port), options: options, logger: quiet) {
                inbound, outbound in
                // Nobody reads: the socket is paused after the first batch, and read once more at its end.
                let first = await self.unread(inbound, above: 0)
                try await outbound.send(text: "go on")
                _ = await self.unread(inbound, above: first)
                var transcript = Transcript()
                for try await batch in inbound { transcript.append(batch) }
                #expect(transcript.messages == ["first"])
                #expect(transcript.end == RelayDisconnect(cause: .eof, reason: "unread bytes discarded"))
            }
        }
    }

    /// Waits until more than that is unread, for at most five seconds.
    private func unread(_ inbound: RelayConnection.Inbound, above count: Int) async -> Int {
        let clock = ContinuousClock()
        let deadline = clock.now + .seconds(5)
        while inbound.unreadByteCount <= count, clock.now < deadline { try? await clock.sleep(for: .milliseconds(2)) }
        return inbound.unreadByteCount
    }
}
