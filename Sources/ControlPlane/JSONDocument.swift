/// A JSON document as the client sent it; the server parses it when it is stored.
package struct JSONDocument: Hashable, Sendable {
    /// UTF-8.
    package let bytes: [UInt8]

    /// - Throws: BAD_REQUEST for U+0000, written as such or as an escape: `jsonb` cannot hold it.
    package init(_ bytes: [UInt8]) throws(ControlPlaneError) {
        guard bytes.count <= InputLimits.jsonBytesMax else {
            throw .badRequest("a JSON document has at most \(InputLimits.jsonBytesMax) bytes")
        }
        guard !Self.holdsNUL(bytes) else { throw .badRequest("U+0000 cannot be stored") }
        self.bytes = bytes
    }

    /// What the database gave back.
    init(stored bytes: some Sequence<UInt8>) {
        self.bytes = Array(bytes)
    }

    package var text: String { String(decoding: self.bytes, as: UTF8.self) }

    /// Whether the text holds the byte 0, or `\u0000` behind an even number of backslashes.
    private static func holdsNUL(_ bytes: [UInt8]) -> Bool {
        let escape = Array("u0000".utf8)
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0 { return true }
            if bytes[index] == UInt8(ascii: "\\") {
                index += 1
                if bytes[index...].starts(with: escape) { return true }
            }
            index += 1
        }
        return false
    }
}
