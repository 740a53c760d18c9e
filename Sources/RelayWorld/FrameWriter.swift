import NIOCore

/// Server frames of RFC 6455 section 5, written by hand: thousands of EVENT messages go into one buffer and one write.
enum FrameWriter {
    enum Opcode: UInt8 {
        case text = 1, binary = 2, close = 8, pong = 10
    }

    /// Writes the header of an unfragmented, unmasked frame.
    @inline(__always)
    static func writeHeader(_ opcode: Opcode, bytes: Int, to buffer: inout ByteBuffer) {
        let first = 0x80 | opcode.rawValue
        switch bytes {
        case 0..<126:
            buffer.writeMultipleIntegers(first, UInt8(bytes))
        case 126...0xFFFF:
            buffer.writeMultipleIntegers(first, UInt8(126), UInt16(bytes))
        default:
            buffer.writeMultipleIntegers(first, UInt8(127), UInt64(bytes))
        }
    }

    static func write(_ opcode: Opcode, _ payload: [UInt8], to buffer: inout ByteBuffer) {
        self.writeHeader(opcode, bytes: payload.count, to: &buffer)
        buffer.writeBytes(payload)
    }
}

/// One message on its way to a client.
struct OutgoingFrame {
    var opcode = FrameWriter.Opcode.text
    let payload: [UInt8]
    /// Counted when the frame is written, not when it is planned: a connection may end in between.
    var fault: Fault?
    var isLive = false

    init(_ payload: [UInt8], opcode: FrameWriter.Opcode = .text, fault: Fault? = nil) {
        self.payload = payload
        self.opcode = opcode
        self.fault = fault
    }

    /// Whether a client sees the label EVENT, however the message goes on.
    var isEvent: Bool { self.opcode == .text && self.payload.starts(with: "[\"EVENT\",".utf8) }
}
