/// The word before the colon in `OK` and `CLOSED` messages (NIP-01, NIP-42).
package enum MachineReadablePrefix: String, CaseIterable, Sendable {
    case duplicate, pow, blocked, invalid, restricted, mute, error, unsupported
    case rateLimited = "rate-limited"
    case authRequired = "auth-required"
    /// Not in NIP-01, but sent by widespread relays, and the only one with a space.
    case badRequest = "bad req"
    case none

    /// Reads the prefix of `text`; a wrapper `ERROR: ` before a known prefix is passed over.
    package init(of text: String) {
        let bytes = Array(text.utf8)
        if let known = Self.known(in: bytes[...]) {
            if known == .error, let inner = Self.known(in: bytes.dropFirst(6).drop { $0 == 0x20 }) {
                self = inner
                return
            }
            self = known
            return
        }
        let upper = Array("ERROR:".utf8)
        if bytes.starts(with: upper) {
            self = Self.known(in: bytes.dropFirst(upper.count).drop { $0 == 0x20 }) ?? .error
            return
        }
        self = .none
    }

    private static func known(in bytes: ArraySlice<UInt8>) -> MachineReadablePrefix? {
        guard let colon = bytes.firstIndex(of: UInt8(ascii: ":")) else { return nil }
        let word = String(decoding: bytes[..<colon], as: UTF8.self)
        guard let prefix = MachineReadablePrefix(rawValue: word), prefix != .none else { return nil }
        return prefix
    }
}
