import NIOCore
import Nostr
import TestSupport
import Testing

@testable import RelayClient

struct RelayInformationFetchTests {
    private func fetch(
        _ options: RelayConnectionOptions = testOptions(), _ answer: String
    ) async throws -> RelayInformation {
        try await withServer { peer in
            _ = await peer.request()
            await peer.write(answer)
        } client: {
            try await RelayInformation.fetch(from: loopback($0), options: options)
        }
    }

    private func response(_ body: String, status: String = "200 OK", _ lines: [String] = []) -> String {
        (["HTTP/1.1 " + status, "Content-Length: \(body.utf8.count)"] + lines + ["", body]).joined(separator: "\r\n")
    }

    @Test func `the request asks the relay's own URL for the document`() async throws {
        let (requests, requested) = AsyncStream.makeStream(of: String.self)
        let information = try await withServer { peer in
            requested.yield(await peer.request())
            requested.finish()
            await peer.write(self.response(#"{"name":"mine"}"#, ["Content-Type: application/json"]))
        } client: { port in
            let information = try await RelayInformation.fetch(from: loopback(port), options: testOptions())
            for await request in requests {
                #expect(request.hasPrefix("GET /relay?a=b HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"))
                #expect(request.contains("\r\nAccept: application/nostr+json\r\n"))
            }
            return information
        }
        #expect(information.name == "mine")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\n\r\n{\"name\":\"mine\"}",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"nam\r\na\r\ne\":\"mine\"}\r\n0\r\n\r\n",
    ])
    func `a body may end with TCP or come in chunks`(answer: String) async throws {
        #expect(try await self.fetch(answer).name == "mine")
    }

    private func fetch(_ answer: String) async throws -> RelayInformation {
        try await self.fetch(testOptions(), answer)
    }

    @Test(arguments: ["404 Not Found", "301 Moved", "500 Oops", "204 No Content", "426 Upgrade Required"])
    func `another status is no document, 11-5`(status: String) async throws {
        let answer = self.response(#"{"name":"x"}"#, status: status, ["Location: http://127.0.0.1:1/"])
        #expect(try await self.fetch(answer) == .absent)
    }

    @Test(arguments: ["", "garbage without end", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", "<html>"])
    func `garbage and half answers are no document, 11-5`(answer: String) async throws {
        #expect(try await self.fetch(answer) == .absent)
    }

    @Test func `a body over the limit is no document, 11-7`() async throws {
        let options = testOptions { $0.informationBytesMax = 1_000 }
        let fits = self.response(#"{"name":"\#(String(repeating: "a", count: 900))"}"#)
        let exceeds = self.response(#"{"name":"\#(String(repeating: "a", count: 1_000))"}"#)
        #expect(try await self.fetch(options, fits).isPresent)
        #expect(try await self.fetch(options, exceeds) == .absent)
    }

    @Test func `an answer that does not come has its limit`() async throws {
        try await withServer { peer in
            await peer.write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{")
            await peer.untilClosed()
        } client: { port in
            let options = testOptions { $0.informationLimit = .milliseconds(100) }
            await #expect(throws: RelayConnectionError.connectTimedOut) {
                try await RelayInformation.fetch(from: loopback(port), options: options)
            }
        }
    }

    @Test func `the same guard stands before it, S01`() async throws {
        let options = testOptions { $0.allowPrivateAddresses = false }
        try await withServer { _ in
            Issue.record("dialled")
        } client: { port in
            await #expect {
                try await RelayInformation.fetch(from: loopback(port), options: options)
            } throws: { ($0 as? RelayConnectionError)?.result == .policy }
        }
    }

    @Test func `over TLS the certificate is verified`() async throws {
        let certificates = try TestCertificates.shared.get()
        let toLoopback = AddressResolver { _, port in [try SocketAddress(ipAddress: "127.0.0.1", port: port)] }
        let tls = try RelayTLS(caFile: certificates.caFile)
        for (name, isGood) in [("good", true), ("wrong-name", false)] {
            try await withServer(tls: certificates.server(name)) { peer in
                _ = await peer.request()
                await peer.write(self.response("{}"))
            } client: { port in
                let url = try loopback(port, scheme: "wss", host: "localhost")
                let options = testOptions { $0.tls = tls }
                let result = await Self.result {
                    try await RelayInformation.fetch(from: url, options: options, resolver: toLoopback)
                }
                switch result {
                case .success(let information): #expect(isGood && information.isPresent)
                case .failure(let error): #expect(!isGood && (error as? RelayConnectionError)?.result == .tls)
                }
            }
        }
    }

    private static func result(
        _ body: () async throws -> RelayInformation
    ) async -> Result<RelayInformation, any Error> {
        do {
            return .success(try await body())
        } catch {
            return .failure(error)
        }
    }
}
