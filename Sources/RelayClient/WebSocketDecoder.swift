import NIOCore

/// Turns the bytes of a server into messages and control frames (RFC 6455 sections 5 and 7.4), without a socket.
///
/// ```
///   append ──▶ [ received ] ──header──▶ control frame ─────────────────────▶ event
///                               ├─────▶ unfragmented message ── a slice ───▶ event
///                               └─────▶ fragment ──▶ [ message ] ── final ─▶ event
/// ```
///
/// Invariants: nothing is allocated for a length that a header only declares; `message` and the payload under way never
/// exceed `messageBytesMax`; after a violation the decoder is not used again.
struct WebSocketDecoder: Sendable {
    enum Event: Hashable, Sendable {
        case text(ByteBuffer)
        case binary(ByteBuffer)
        case ping(ByteBuffer)
        case pong(ByteBuffer)
        /// The code is nil if the frame was empty (RFC 6455 section 7.1.5).
        case close(code: UInt16?, reason: String)
    }

    private let messageBytesMax: Int
    private let framesPerMessageMax: Int
    private var received = ByteBuffer()
    /// Whether events hold slices of `received`, so that appending to it would copy what they hold.
    private var isShared = true

    /// The opcode of the message whose fragments are being collected.
    private var fragmented: WebSocketOpcode?
    private var message = ByteBuffer()
    private var frames = 0
    private var validator = UTF8Validator()

    init(messageBytesMax: Int, framesPerMessageMax: Int) {
        self.messageBytesMax = messageBytesMax
        self.framesPerMessageMax = framesPerMessageMax
    }

    /// Whether a frame or a message has begun and not ended.
    var isWithinMessage: Bool { self.fragmented != nil || self.received.readableBytes > 0 }

    /// Takes over what the socket delivered.
    mutating func append(_ chunk: ByteBuffer) {
        if self.received.readableBytes == 0 {
            self.received = chunk
            self.isShared = true
        } else if self.isShared {
            var fresh = ByteBuffer()
            fresh.reserveCapacity(self.received.readableBytes + chunk.readableBytes)
            fresh.writeImmutableBuffer(self.received)
            fresh.writeImmutableBuffer(chunk)
            self.received = fresh
            self.isShared = false
        } else {
            self.received.writeImmutableBuffer(chunk)
        }
    }

    /// The next event, or nil until more bytes are appended.
    mutating func next() throws(WebSocketViolation) -> Event? {
        while let header = try WebSocketFrameHeader(self.received) {
            if !header.opcode.isControl { try self.admit(header) }
            let payloadByteCount = Int(header.payloadByteCount)
            guard self.received.readableBytes >= header.byteCount + payloadByteCount else { return nil }
            self.received.moveReaderIndex(forwardBy: header.byteCount)
            guard let payload = self.received.readSlice(length: payloadByteCount) else { return nil }

            switch header.opcode {
            case .close:
                return try Self.close(payload)
            case .ping:
                self.isShared = true
                return .ping(payload)
            case .pong:
                self.isShared = true
                return .pong(payload)
            case .text, .binary, .continuation:
                if let event = try self.data(header, payload) { return event }
            }
        }
        return nil
    }

    /// Judges a data frame by its header alone.
    private func admit(_ header: WebSocketFrameHeader) throws(WebSocketViolation) {
        guard (header.opcode == .continuation) == (self.fragmented != nil) else {
            throw .protocol(
                self.fragmented == nil ? "continuation of nothing" : "new message before the end of the last")
        }
        guard header.payloadByteCount <= UInt64(self.messageBytesMax - self.message.readableBytes) else {
            throw .oversized("message above \(self.messageBytesMax) bytes")
        }
        guard self.frames < self.framesPerMessageMax else {
            throw .oversized("message of more than \(self.framesPerMessageMax) frames")
        }
    }

    private mutating func data(
        _ header: WebSocketFrameHeader, _ payload: ByteBuffer
    ) throws(WebSocketViolation) -> Event? {
        let opcode = self.fragmented ?? header.opcode
        if opcode == .text {
            let isValid = self.validator.append(payload.readableBytesSpan)
            guard isValid, self.validator.isComplete || !header.isFinal else { throw .notUTF8 }
        }
        if header.isFinal, self.fragmented == nil {
            self.isShared = true
            return opcode == .text ? .text(payload) : .binary(payload)
        }
        self.fragmented = opcode
        self.frames += 1
        self.message.writeImmutableBuffer(payload)
        guard header.isFinal else { return nil }

        let message = self.message
        self.message = ByteBuffer()
        self.fragmented = nil
        self.frames = 0
        return opcode == .text ? .text(message) : .binary(message)
    }

    /// RFC 6455 sections 5.5.1 and 7.4.
    private static func close(_ payload: ByteBuffer) throws(WebSocketViolation) -> Event {
        guard payload.readableBytes > 0 else { return .close(code: nil, reason: "") }
        guard let code: UInt16 = payload.getInteger(at: payload.readerIndex) else {
            throw .protocol("close frame of one byte")
        }
        guard self.isAllowedOnTheWire(code) else { throw .protocol("close code \(code)") }
        let reason = payload.getSlice(at: payload.readerIndex + 2, length: payload.readableBytes - 2) ?? ByteBuffer()
        var validator = UTF8Validator()
        guard validator.append(reason.readableBytesSpan), validator.isComplete else { throw .notUTF8 }
        return .close(code: code, reason: String(buffer: reason))
    }

    /// RFC 6455 section 7.4.2 and IANA's registry; 1004, 1005, 1006 and 1015 never travel.
    private static func isAllowedOnTheWire(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}
