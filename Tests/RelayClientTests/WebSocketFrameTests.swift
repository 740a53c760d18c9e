import NIOCore
import Testing

@testable import RelayClient

struct WebSocketFrameTests {
    @Test func `the masked example of RFC 6455 section 5_7`() {
        var buffer = ByteBuffer()
        buffer.writeFrame(.text, ByteBuffer(string: "Hello").readableBytesView, key: 0x37FA_213D)
        #expect(
            Array(buffer.readableBytesView) == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }

    @Test(arguments: [0, 1, 3, 4, 7, 8, 9, 125, 126, 127, 65_535, 65_536])
    func `every length has its shortest form and comes back unmasked`(count: Int) {
        let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var buffer = ByteBuffer()
        buffer.writeFrame(.binary, ByteBuffer(bytes: payload).readableBytesView, key: 0x0102_0304)
        let bytes = Array(buffer.readableBytesView)
        let header = count <= 125 ? 2 : count <= 65_535 ? 4 : 10
        #expect(bytes.count == header + 4 + count)
        #expect(bytes[0] == 0x82)
        #expect(bytes[1] == 0x80 | UInt8(count <= 125 ? count : count <= 65_535 ? 126 : 127))
        let key: [UInt8] = [1, 2, 3, 4]
        #expect(bytes[(header + 4)...].enumerated().map { $1 ^ key[$0 % 4] } == payload)
    }
}
