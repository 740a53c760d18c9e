import NIOCore
import Nostr

/// The opening handshake of a client (RFC 6455 section 4.1), without a socket.
struct WebSocketHandshake: Sendable {
    let request: String
    private let expectedAccept: String
    private let headerBytesMax: Int
    private var received = ByteBuffer()

    /// RFC 6455 section 1.3.
    private static let guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

    /// - Parameter nonce: 16 random bytes.
    init(_ url: RelayURL, userAgent: String, nonce: [UInt8], headerBytesMax: Int) {
        let key = Base64.text(of: nonce)
        self.request = [
            "GET \(url.target) HTTP/1.1", "Host: \(url.authority)", "Upgrade: websocket", "Connection: Upgrade",
            "Sec-WebSocket-Key: \(key)", "Sec-WebSocket-Version: 13", "User-Agent: \(userAgent)", "", "",
        ].joined(separator: "\r\n")
        self.expectedAccept = Self.accept(for: key)
        self.headerBytesMax = headerBytesMax
    }

    static func accept(for key: String) -> String {
        Base64.text(of: SHA1.digest(of: Array((key + self.guid).utf8)))
    }

    /// What a server that agreed to switch protocols had to say.
    struct Success: Hashable, Sendable {
        /// Its `Date` in seconds since 1970.
        let serverDate: Int64?
        /// What followed the header: the first frames.
        let rest: ByteBuffer
    }

    /// Takes over what the socket delivered; nil while the header is incomplete.
    ///
    /// - Parameter now: seconds since 1970, for a `Retry-After` without a `Date` beside it.
    mutating func append(_ chunk: ByteBuffer, now: Int64) throws(RelayConnectionError) -> Success? {
        self.received.writeImmutableBuffer(chunk)
        let view = self.received.readableBytesView
        // What does not even start like a response is refused at once: a TLS record, an HTTP/2 frame, garbage.
        guard zip(view, "HTTP/1.1 ".utf8).allSatisfy({ $0 == $1 }) else {
            throw .upgradeInvalid(reason: "not an HTTP/1.1 response")
        }
        guard let length = Self.headerByteCount(view) else {
            guard view.count <= self.headerBytesMax else { throw .upgradeInvalid(reason: "header too large") }
            return nil
        }
        guard length <= self.headerBytesMax else { throw .upgradeInvalid(reason: "header too large") }
        let head = try ResponseHead(view.prefix(length))
        self.received.moveReaderIndex(forwardBy: length)
        let serverDate = head["date"].flatMap(HTTPDate.seconds(parsing:))
        try self.judge(head, now: serverDate ?? now)
        return Success(serverDate: serverDate, rest: self.received)
    }

    /// Including the empty line; nil while that has not arrived.
    private static func headerByteCount(_ view: ByteBufferView) -> Int? {
        var matched = 0
        let end = Array("\r\n\r\n".utf8)
        for (offset, byte) in view.enumerated() {
            matched = byte == end[matched] ? matched + 1 : (byte == end[0] ? 1 : 0)
            if matched == end.count { return offset + 1 }
        }
        return nil
    }

    /// RFC 6455 section 4.1, items 1 to 6 of what the client must validate.
    private func judge(_ head: ResponseHead, now: Int64) throws(RelayConnectionError) {
        guard head.status == 101 else {
            let isRedirect = (300..<400).contains(head.status)
            throw .upgradeRefused(
                UpgradeRefusal(
                    status: head.status,
                    retryAfter: head["retry-after"].flatMap { RetryAfter.delay(parsing: $0, now: now) },
                    redirectHost: isRedirect ? head["location"].map(Self.host(ofLocation:)) : nil))
        }
        guard head["upgrade"].map(ResponseHead.lowercased) == "websocket" else {
            throw .upgradeInvalid(reason: "no Upgrade: websocket")
        }
        guard head.tokens(of: "connection").contains("upgrade") else {
            throw .upgradeInvalid(reason: "no Connection: Upgrade")
        }
        guard head["sec-websocket-accept"] == self.expectedAccept else {
            throw .upgradeInvalid(reason: "wrong Sec-WebSocket-Accept")
        }
        guard head["sec-websocket-extensions", default: ""].isEmpty else {
            throw .upgradeInvalid(reason: "an extension that was not offered")
        }
        guard head["sec-websocket-protocol", default: ""].isEmpty else {
            throw .upgradeInvalid(reason: "a subprotocol that was not offered")
        }
    }

    /// The host that a redirect names, for a log line: printable, bounded, without user information.
    private static func host(ofLocation location: String) -> String {
        let bytes = Array(location.utf8)
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")), bytes[(colon + 1)...].starts(with: "//".utf8) else {
            return "the same host"
        }
        let authority = bytes[(colon + 3)...].prefix { !"/?#\\".utf8.contains($0) }
        let host = authority.split(separator: UInt8(ascii: "@"), omittingEmptySubsequences: false).last ?? []
        return String(decoding: host.prefix(253).filter { (0x21...0x7E).contains($0) }, as: UTF8.self)
    }
}

/// The header of an HTTP/1.1 response (RFC 9112 sections 4 and 5), read strictly.
struct ResponseHead: Hashable, Sendable {
    let status: Int
    private let fields: [Field]

    private struct Field: Hashable, Sendable {
        /// Lower case.
        let name: String
        let value: String
    }

    /// - Parameter bytes: everything up to and including the empty line.
    init(_ bytes: some Collection<UInt8>) throws(RelayConnectionError) {
        var lines = Array(bytes).split(separator: 0x0A, omittingEmptySubsequences: false).map { $0.dropLast() }
        let statusLine = lines.removeFirst()
        let digits = statusLine.dropFirst("HTTP/1.1 ".utf8.count).prefix(3)
        guard digits.count == 3, digits.allSatisfy({ (0x30...0x39).contains($0) }),
            statusLine.dropFirst(12).first ?? 0x20 == 0x20
        else { throw .upgradeInvalid(reason: "malformed status line") }
        self.status = digits.reduce(0) { $0 * 10 + Int($1 - 0x30) }

        var fields: [Field] = []
        for line in lines where !line.isEmpty {
            guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > line.startIndex,
                line[..<colon].allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw .upgradeInvalid(reason: "malformed header line") }
            let value = line[(colon + 1)...].drop { $0 == 0x20 || $0 == 0x09 }
            let end = value.lastIndex { $0 != 0x20 && $0 != 0x09 }.map { $0 + 1 } ?? value.startIndex
            fields.append(
                Field(
                    name: Self.lowercased(String(decoding: line[..<colon], as: UTF8.self)),
                    value: String(decoding: value[..<end], as: UTF8.self)))
        }
        self.fields = fields
    }

    /// The value of a field, the lines of a repeated one joined (RFC 9110 section 5.3); nil if it is absent.
    subscript(name: String) -> String? {
        let values = self.fields.filter { $0.name == name }.map(\.value)
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    subscript(name: String, default value: String) -> String { self[name] ?? value }

    /// The elements of a comma-separated field, in lower case.
    func tokens(of name: String) -> [String] {
        self[name, default: ""].utf8.split { $0 == 0x2C || $0 == 0x20 || $0 == 0x09 }.map {
            Self.lowercased(String(Substring($0)))
        }
    }

    /// ASCII only: header names know no other letters, and U+212A must not become a `k`.
    static func lowercased(_ text: String) -> String {
        String(decoding: text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }
}
