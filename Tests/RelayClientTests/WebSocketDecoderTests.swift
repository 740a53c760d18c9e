import NIOCore
import Testing

@testable import RelayClient

struct WebSocketDecoderTests {
    /// Everything up to the end of the bytes, or the violation that stopped it.
    private func decode(
        _ bytes: [UInt8], messageBytesMax: Int = 1_000, framesPerMessageMax: Int = 8, piece: Int = .max
    ) -> Result<[WebSocketDecoder.Event], WebSocketViolation> {
        var decoder = WebSocketDecoder(messageBytesMax: messageBytesMax, framesPerMessageMax: framesPerMessageMax)
        var events: [WebSocketDecoder.Event] = []
        do throws(WebSocketViolation) {
            var rest = bytes[...]
            while !rest.isEmpty {
                decoder.append(ByteBuffer(bytes: rest.prefix(piece)))
                rest = rest.dropFirst(piece)
                while let event = try decoder.next() { events.append(event) }
            }
            return .success(events)
        } catch {
            return .failure(error)
        }
    }

    private func frame(_ first: UInt8, _ text: String = "") -> [UInt8] { ScriptedPeer.frame(first, Array(text.utf8)) }

    @Test(arguments: [1, 2, 3, 7, 64, 1_000])
    func `frames are found however TCP cuts them`(piece: Int) {
        let long = String(repeating: "a", count: 300)
        let bytes =
            self.frame(0x81, "one") + self.frame(0x82, "two") + self.frame(0x89, "?") + self.frame(0x81, long)
            + self.frame(0x01, "fra") + self.frame(0x8A, "!") + self.frame(0x00) + self.frame(0x80, "gment")
            + [0x88, 5, 0x03, 0xE8] + Array("bye".utf8)
        let expected: [WebSocketDecoder.Event] = [
            .text(ByteBuffer(string: "one")), .binary(ByteBuffer(string: "two")), .ping(ByteBuffer(string: "?")),
            .text(ByteBuffer(string: long)), .pong(ByteBuffer(string: "!")), .text(ByteBuffer(string: "fragment")),
            .close(code: 1000, reason: "bye"),
        ]
        #expect(self.decode(bytes, piece: piece) == .success(expected))
    }

    @Test(
        arguments: [
            ([0xC1, 0], 1002, "RSV1 without an extension, R15"),
            ([0xA1, 0], 1002, "RSV2, R15"),
            ([0x91, 0], 1002, "RSV3, R15"),
            ([0x83, 0], 1002, "reserved opcode 3, R19"),
            ([0x87, 0], 1002, "reserved opcode 7, R19"),
            ([0x8B, 0], 1002, "reserved control opcode, R19"),
            ([0x8F, 0], 1002, "reserved control opcode, R19"),
            ([0x81, 0x80, 1, 2, 3, 4], 1002, "masked server frame, R19"),
            ([0x89, 126, 0, 126], 1002, "ping above 125 bytes, R19"),
            ([0x88, 127], 1002, "close above 125 bytes, R19"),
            ([0x09, 0], 1002, "fragmented ping, R19"),
            ([0x80, 0], 1002, "continuation of nothing"),
            ([0x01, 0, 0x81, 0], 1002, "a new message within a message"),
            ([0x81, 126, 0, 125], 1002, "length not in its shortest form"),
            ([0x81, 127, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], 1002, "length not in its shortest form"),
            ([0x88, 1, 3], 1002, "close of one byte"),
            ([0x88, 2, 0x03, 0xED], 1002, "close code 1005"),
            ([0x88, 2, 0x03, 0xEE], 1002, "close code 1006"),
            ([0x88, 2, 0x03, 0xF7], 1002, "close code 1015"),
            ([0x88, 2, 0x03, 0xEC], 1002, "close code 1004"),
            ([0x88, 2, 0x03, 0xE7], 1002, "close code 999"),
            ([0x88, 2, 0x07, 0xD0], 1002, "close code 2000"),
            ([0x88, 2, 0x13, 0x88], 1002, "close code 5000"),
            ([0x88, 3, 0x03, 0xE8, 0xFF], 1007, "close reason that is not UTF-8, R19"),
            ([0x81, 1, 0xFF], 1007, "text that is not UTF-8, R19"),
            ([0x81, 2, 0xE2, 0x82], 1007, "text that ends within a character, R19"),
            ([0x01, 1, 0xFF], 1007, "a fragment that is not UTF-8"),
            ([0x01, 2, 0xE2, 0x82, 0x80, 0], 1007, "fragments that end within a character"),
            ([0x81, 126, 0x03, 0xE9], 1009, "1001 bytes declared, from the header alone"),
            ([0x81, 127, 0x80, 0, 0, 0, 0, 0, 0, 0], 1009, "2^63 bytes declared, R16"),
            ([0x81, 127, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], 1009, "2^64-1 bytes declared, R16"),
        ] as [([UInt8], UInt16, String)])
    func `what a server may not send is refused with its code`(bytes: [UInt8], code: UInt16, note: String) {
        guard case .failure(let violation) = self.decode(bytes) else {
            Issue.record("accepted")
            return
        }
        #expect(violation.code == code)
        #expect(violation.reason.utf8.count <= 123)
    }

    @Test(arguments: [1000, 1003, 1007, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999] as [UInt16])
    func `close codes that may travel are told`(code: UInt16) {
        #expect(
            self.decode([0x88, 2, UInt8(code >> 8), UInt8(code & 0xFF)]) == .success([.close(code: code, reason: "")]))
    }

    @Test func `a character may be cut between fragments, with a ping inside`() {
        let euro: [UInt8] = [0xE2, 0x82, 0xAC]
        let bytes = [0x01, 1] + euro[..<1] + self.frame(0x89) + [0x00, 1] + euro[1..<2] + [0x80, 1] + euro[2...]
        #expect(
            self.decode(Array(bytes)) == .success([.ping(ByteBuffer()), .text(ByteBuffer(string: "\u{20AC}"))]))
    }

    @Test func `binary need not be UTF-8`() {
        #expect(self.decode([0x82, 1, 0xFF]) == .success([.binary(ByteBuffer(bytes: [0xFF]))]))
    }

    @Test func `a message is limited as a whole, R17`() {
        let half = String(repeating: "a", count: 500)
        #expect(self.decode(self.frame(0x01, half) + self.frame(0x80, half)).isSuccess)
        #expect(self.decode(self.frame(0x01, half) + self.frame(0x80, half + "a")).code == 1009)
        // From the header of the second fragment, before its payload is there.
        #expect(self.decode(self.frame(0x01, half) + [0x80, 126, 0x01, 0xF5]).code == 1009)
    }

    @Test func `frames of a message are counted, empty ones too, R18`() {
        let empty = self.frame(0x00)
        let start = self.frame(0x01)
        #expect(self.decode(start + (0..<6).flatMap { _ in empty } + self.frame(0x80, "end")).isSuccess)
        #expect(self.decode(start + (0..<7).flatMap { _ in empty } + self.frame(0x80, "end")).code == 1009)
        // The count starts anew with every message.
        let message = start + empty + self.frame(0x80)
        #expect(self.decode((0..<10).flatMap { _ in message }).isSuccess)
    }

    @Test func `a declared length allocates nothing`() throws {
        var decoder = WebSocketDecoder(messageBytesMax: 1 << 40, framesPerMessageMax: 8)
        decoder.append(ByteBuffer(bytes: [0x81, 127, 0, 0, 0, 0x40, 0, 0, 0, 0]))
        #expect(try decoder.next() == nil)
        #expect(decoder.isWithinMessage)
    }

    @Test func `a whole frame is a slice of what was read, not a copy`() throws {
        var decoder = WebSocketDecoder(messageBytesMax: 1_000, framesPerMessageMax: 8)
        let chunk = ByteBuffer(bytes: self.frame(0x81, "slice"))
        decoder.append(chunk)
        guard case .text(let message) = try decoder.next() else {
            Issue.record("no message")
            return
        }
        let addresses = (chunk, message)
        let start = addresses.0.withUnsafeReadableBytes { $0.baseAddress.map { UInt(bitPattern: $0) } }
        let slice = addresses.1.withUnsafeReadableBytes { $0.baseAddress.map { UInt(bitPattern: $0) } }
        #expect(slice == start.map { $0 + 2 })
    }
}

extension Result where Failure == WebSocketViolation {
    fileprivate var code: UInt16? {
        guard case .failure(let violation) = self else { return nil }
        return violation.code
    }

    fileprivate var isSuccess: Bool { self.code == nil }
}
