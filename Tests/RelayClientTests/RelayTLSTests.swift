import NIOCore
import NIOSSL
import Nostr
import TestSupport
import Testing

@testable import RelayClient

struct RelayTLSTests {
    private let certificates: TestCertificates
    private let toLoopback = AddressResolver { _, port in [try SocketAddress(ipAddress: "127.0.0.1", port: port)] }

    init() throws {
        self.certificates = try TestCertificates.shared.get()
    }

    private func options(_ tls: RelayTLS? = nil) throws -> RelayConnectionOptions {
        let tls = try tls ?? RelayTLS(caFile: self.certificates.caFile)
        return testOptions { $0.tls = tls }
    }

    /// What a client is told; nil if it connected.
    private func failure(
        _ port: Int, _ options: RelayConnectionOptions, host: String = "localhost"
    ) async throws -> RelayConnectionError? {
        do {
            try await RelayConnection.withConnection(
                to: loopback(port, scheme: "wss", host: host), options: options, resolver: self.toLoopback,
                logger: quiet
            ) { _, _ in }
            return nil
        } catch let error as RelayConnectionError {
            return error
        }
    }

    @Test(arguments: ["localhost", "127.0.0.1"])
    func `a certificate for the name or the address, by the extra CA, is accepted`(host: String) async throws {
        try await withServer(tls: self.certificates.server("good")) { peer in
            let request = await peer.upgrade()
            await peer.text(request.contains("Host: \(host):") ? "named" : request)
            await peer.close(1000)
        } client: { port in
            let messages = try await RelayConnection.withConnection(
                to: loopback(port, scheme: "wss", host: host), options: self.options(), resolver: self.toLoopback,
                logger: quiet
            ) { inbound, _ in
                var transcript = Transcript()
                for try await batch in inbound { transcript.append(batch) }
                return transcript.messages
            }
            #expect(messages == ["named"])
        }
    }

    @Test func `large messages pass both ways`() async throws {
        try await withServer(tls: self.certificates.server("good")) { peer in
            await peer.upgrade()
            let frame = await peer.clientFrame()
            await peer.frame(0x81, frame?.payload ?? [])
            await peer.close(1000)
            _ = await peer.clientClose()
        } client: { port in
            let text = String(repeating: "relay ", count: 50_000)
            let messages = try await RelayConnection.withConnection(
                to: loopback(port, scheme: "wss", host: "localhost"), options: self.options(),
                resolver: self.toLoopback, logger: quiet
            ) { inbound, outbound in
                try await outbound.send(text: text)
                var transcript = Transcript()
                for try await batch in inbound { transcript.append(batch) }
                return transcript.messages
            }
            #expect(messages == [text])
        }
    }

    @Test(arguments: ["expired", "wrong-name", "self-signed", "unknown-ca", "missing-intermediate"])
    func `a certificate that proves nothing is refused, R08`(name: String) async throws {
        try await withServer(tls: self.certificates.server(name)) { peer in
            if await !peer.request().isEmpty { Issue.record("a request was sent") }
        } client: { port in
            let error = try await self.failure(port, self.options())
            #expect(error?.result == .tls)
        }
    }

    @Test func `without the extra CA its certificates are refused, R08`() async throws {
        try await withServer(tls: self.certificates.server("good")) { _ in
        } client: { port in
            let error = try await self.failure(port, self.options(RelayTLS()))
            #expect(error?.result == .tls)
        }
    }

    @Test func `an old version is refused, R09`() async throws {
        let old = try self.certificates.server("good") {
            $0.minimumTLSVersion = .tlsv1
            $0.maximumTLSVersion = .tlsv11
        }
        try await withServer(tls: old) { _ in
        } client: { port in
            let error = try await self.failure(port, self.options())
            #expect(error?.result == .tls)
        }
    }

    @Test func `a handshake that stalls has the connect limit, R09`() async throws {
        try await withServer { peer in
            await peer.untilClosed()
        } client: { port in
            var options = try self.options()
            options.connectLimit = .milliseconds(200)
            let error = try await self.failure(port, options)
            #expect(error == .connectTimedOut)
        }
    }

    @Test func `a server that speaks plain text is no TLS, R10`() async throws {
        try await withServer { peer in
            await peer.write("HTTP/1.1 400 Bad Request\r\n\r\n")
            await peer.untilClosed()
        } client: { port in
            let error = try await self.failure(port, self.options())
            #expect(error?.result == .tls)
        }
    }

    @Test func `insecure TLS is for loopback only`() async throws {
        let insecure = try RelayTLS(insecureForTests: true)
        try await withServer(tls: self.certificates.server("self-signed")) { peer in
            await peer.upgrade()
            await peer.close(1000)
        } client: { port in
            let error = try await self.failure(port, self.options(insecure))
            #expect(error == nil)
        }
        let options = try self.options(insecure)
        let public8 = AddressResolver { _, port in [try SocketAddress(ipAddress: "8.8.8.8", port: port)] }
        await #expect {
            try await RelayConnection.withConnection(
                to: loopback(443, scheme: "wss", host: "relay.example"), options: options, resolver: public8,
                logger: quiet
            ) { _, _ in }
        } throws: { ($0 as? RelayConnectionError)?.result == .policy }
    }

    @Test func `a CA file that is not there is told at the start`() {
        #expect { try RelayTLS(caFile: "/nowhere/ca.pem") } throws: { ($0 as? RelayConnectionError)?.result == .tls }
    }
}
