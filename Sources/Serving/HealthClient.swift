import NIOCore
import NIOPosix

/// Asks a ``QueryServer`` as a monitoring script would: one GET, one answer, no redirects.
package enum HealthClient {
    package struct Answer: Equatable, Sendable {
        package let status: Int
        package let body: String

        package init(status: Int, body: String) {
            self.status = status
            self.body = body
        }
    }

    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case unreachable(String)
        case notHTTP
        case timedOut

        package var description: String {
            switch self {
            case .unreachable(let reason): "not reachable: \(reason)"
            case .notHTTP: "did not answer in HTTP"
            case .timedOut: "did not answer in time"
            }
        }
    }

    /// A scrape of a daemon with a hundred relays has some 300 KiB.
    private static let answerBytesMax = 8 * 1_024 * 1_024

    package static func get(
        _ path: String, from address: ListenAddress, within limit: Duration = .seconds(5)
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { tasks in
            tasks.addTask { try await self.exchange(path, address) }
            tasks.addTask {
                try await Task.sleep(for: limit)
                throw Failure.timedOut
            }
            defer { tasks.cancelAll() }
            guard let answer = try await tasks.next() else { throw Failure.notHTTP }
            return answer
        }
    }

    private static func exchange(_ path: String, _ address: ListenAddress) async throws -> Answer {
        let channel: NIOAsyncChannel<ByteBuffer, ByteBuffer>
        do {
            channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .connectTimeout(.seconds(5))
                .connect(host: address.host, port: address.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try NIOAsyncChannel(wrappingChannelSynchronously: channel)
                    }
                }
        } catch {
            throw Failure.unreachable("\(error)")
        }
        let text = "GET \(path) HTTP/1.1\r\nHost: \(address)\r\nConnection: close\r\nAccept: */*\r\n\r\n"
        return try await channel.executeThenClose { inbound, outbound in
            try await outbound.write(ByteBuffer(string: text))
            var bytes: [UInt8] = []
            for try await buffer in inbound {
                bytes += buffer.readableBytesView
                guard bytes.count <= self.answerBytesMax else { throw Failure.notHTTP }
            }
            guard let answer = Answer(bytes) else { throw Failure.notHTTP }
            return answer
        }
    }
}

extension HealthClient.Answer {
    /// Reads an answer that ends with the connection; nil if it is none, or not all of it.
    package init?(_ bytes: [UInt8]) {
        let end = Array("\r\n\r\n".utf8)
        guard let split = bytes.indices.first(where: { bytes[$0...].starts(with: end) }) else { return nil }
        let lines = String(decoding: bytes[..<split], as: UTF8.self).split(separator: "\r\n")
        let words = lines.first?.split(separator: " ") ?? []
        guard words.count >= 2, words[0].hasPrefix("HTTP/1."), let status = Int(words[1]) else { return nil }
        let body = bytes[(split + end.count)...]
        let length = lines.dropFirst().first { $0.lowercased().hasPrefix("content-length:") }
            .flatMap { Int($0.drop { $0 != ":" }.dropFirst().drop { $0 == " " }) }
        if let length, length != body.count { return nil }
        self.init(status: status, body: String(decoding: body, as: UTF8.self))
    }
}
