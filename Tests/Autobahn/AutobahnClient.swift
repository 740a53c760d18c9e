import Logging
import NIOCore
import Nostr
import RelayClient

/// The client side of an Autobahn fuzzing server: echoes every message of every case with its opcode.
///
///     autobahn-client ws://127.0.0.1:9101
@main
struct AutobahnClient {
    private static let agent = "nostr-ingest"
    private static let logger = Logger(label: "autobahn-client")

    /// Cases of section 9 send 16 MiB, in up to 262 144 fragments.
    private static let options: RelayConnectionOptions = {
        var options = RelayConnectionOptions()
        options.allowPrivateAddresses = true
        options.messageBytesMax = 64 * 1_024 * 1_024
        options.framesPerMessageMax = 1_000_000
        options.unreadBytesMax = 128 * 1_024 * 1_024
        options.sendBufferBytesMax = 128 * 1_024 * 1_024
        options.pingAnswersPerSecondMax = 1_000
        return options
    }()

    static func main() async throws {
        guard CommandLine.arguments.count == 2 else {
            print("usage: autobahn-client ws://host:port")
            return
        }
        let base = CommandLine.arguments[1]
        let count = try await self.caseCount(base)
        for number in 1...max(count, 1) {
            do {
                try await self.echo(base + "/runCase?case=\(number)&agent=\(self.agent)")
            } catch {
                print("case \(number): \(error)")
            }
        }
        try await self.echo(base + "/updateReports?agent=\(self.agent)")
        print("\(count) cases")
    }

    private static func caseCount(_ base: String) async throws -> Int {
        guard let url = RelayURL(base + "/getCaseCount") else { return 0 }
        return try await RelayConnection.withConnection(to: url, options: self.options, logger: self.logger) {
            inbound, _ in
            var count = 0
            for try await batch in inbound {
                for case .message(let text) in batch.elements { count = Int(String(buffer: text)) ?? count }
            }
            return count
        }
    }

    private static func echo(_ text: String) async throws {
        guard let url = RelayURL(text) else { return }
        try await RelayConnection.withConnection(to: url, options: self.options, logger: self.logger) {
            inbound, outbound in
            for try await batch in inbound {
                for element in batch.elements {
                    switch element {
                    // A case may close before it has read every echo.
                    case .message(let text): try? await outbound.send(text: text)
                    case .binary(let bytes): try? await outbound.send(binary: bytes)
                    case .pong, .closed: break
                    }
                }
            }
        }
    }
}
