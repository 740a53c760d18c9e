import NIOCore

/// RFC 6455 section 5.2; every other value is reserved.
enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0x0
    case text = 0x1
    case binary = 0x2
    case close = 0x8
    case ping = 0x9
    case pong = 0xA

    var isControl: Bool { self.rawValue >= 0x8 }
}

/// What a peer may not do, with the close code that says so (RFC 6455 section 7.4.1).
struct WebSocketViolation: Error, Hashable, Sendable {
    let code: UInt16
    /// At most 123 bytes: it travels in our close frame.
    let reason: String

    static func `protocol`(_ reason: String) -> WebSocketViolation { WebSocketViolation(code: 1002, reason: reason) }
    static let notUTF8 = WebSocketViolation(code: 1007, reason: "not UTF-8")
    static func oversized(_ reason: String) -> WebSocketViolation { WebSocketViolation(code: 1009, reason: reason) }
}

/// The first bytes of a frame that a server sent (RFC 6455 section 5.2).
struct WebSocketFrameHeader: Hashable, Sendable {
    let isFinal: Bool
    let opcode: WebSocketOpcode
    /// Bytes of the header itself: 2, 4 or 10.
    let byteCount: Int
    let payloadByteCount: UInt64

    /// Reads the header at the reader index without consuming it; nil while it is incomplete.
    ///
    /// What can be refused is refused as soon as its byte is there.
    init?(_ buffer: ByteBuffer) throws(WebSocketViolation) {
        guard let first: UInt8 = buffer.getInteger(at: buffer.readerIndex) else { return nil }
        guard first & 0x70 == 0 else { throw .protocol("reserved bits without an extension") }
        guard let opcode = WebSocketOpcode(rawValue: first & 0x0F) else { throw .protocol("reserved opcode") }
        let isFinal = first & 0x80 != 0
        guard isFinal || !opcode.isControl else { throw .protocol("fragmented control frame") }

        guard let second: UInt8 = buffer.getInteger(at: buffer.readerIndex + 1) else { return nil }
        // Section 5.1: a client must close the connection if it detects a masked frame.
        guard second & 0x80 == 0 else { throw .protocol("masked server frame") }
        let length = second & 0x7F
        guard length <= 125 || !opcode.isControl else { throw .protocol("control frame above 125 bytes") }

        self.isFinal = isFinal
        self.opcode = opcode
        switch length {
        case 126:
            guard let length: UInt16 = buffer.getInteger(at: buffer.readerIndex + 2) else { return nil }
            guard length > 125 else { throw .protocol("length not in its shortest form") }
            self.byteCount = 4
            self.payloadByteCount = UInt64(length)
        case 127:
            guard let length: UInt64 = buffer.getInteger(at: buffer.readerIndex + 2) else { return nil }
            guard length > UInt64(UInt16.max) else { throw .protocol("length not in its shortest form") }
            self.byteCount = 10
            self.payloadByteCount = length
        default:
            self.byteCount = 2
            self.payloadByteCount = UInt64(length)
        }
    }
}

extension ByteBuffer {
    /// Appends one unfragmented client frame, masked with `key` (RFC 6455 section 5.3).
    ///
    /// The key must be fresh and unpredictable for every frame.
    mutating func writeFrame(_ opcode: WebSocketOpcode, _ payload: ByteBufferView, key: UInt32) {
        self.reserveCapacity(minimumWritableBytes: payload.count + 14)
        self.writeInteger(0x80 | opcode.rawValue)
        switch payload.count {
        case ...125:
            self.writeInteger(0x80 | UInt8(payload.count))
        case ...Int(UInt16.max):
            self.writeInteger(UInt8(0x80 | 126))
            self.writeInteger(UInt16(payload.count))
        default:
            self.writeInteger(UInt8(0x80 | 127))
            self.writeInteger(UInt64(payload.count))
        }
        self.writeInteger(key)
        let start = self.writerIndex
        self.writeBytes(payload)
        self.mask(from: start, key: key)
    }

    /// XORs everything from `start` to the writer index with `key`, most significant byte first.
    private mutating func mask(from start: Int, key: UInt32) {
        let offset = start - self.readerIndex
        self.withUnsafeMutableReadableBytes { bytes in
            let wide = (UInt64(key) << 32 | UInt64(key)).bigEndian
            var index = offset
            while index + 8 <= bytes.count {
                let word = bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)
                bytes.storeBytes(of: word ^ wide, toByteOffset: index, as: UInt64.self)
                index += 8
            }
            for (position, index) in (index..<bytes.count).enumerated() {
                bytes[index] ^= UInt8(truncatingIfNeeded: key >> (24 - 8 * UInt32(position % 4)))
            }
        }
    }
}
