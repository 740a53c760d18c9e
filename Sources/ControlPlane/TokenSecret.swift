import Crypto

/// The secret of an API token: 256 random bits, shown once as `cp_` and 64 lower-case hex characters.
package struct TokenSecret: Sendable {
    private static let prefix = "cp_"
    private static let hexCharacters = 64

    /// The 64 characters.
    private let hex: String

    /// From the system's secure generator.
    init() {
        var generator = SystemRandomNumberGenerator()
        let digits = Array("0123456789abcdef".utf8)
        var characters: [UInt8] = []
        for _ in 0..<4 {
            let word = generator.next()
            for shift in stride(from: 60, through: 0, by: -4) { characters.append(digits[Int(word >> shift & 15)]) }
        }
        self.hex = String(decoding: characters, as: UTF8.self)
    }

    /// What the bearer presents, to be shown once.
    package var revealed: String { Self.prefix + self.hex }

    /// What is stored.
    var hash: [UInt8] { Array(SHA256.hash(data: Array(self.hex.utf8))) }

    /// The hash of what a bearer presents, with or without the prefix; nil when it is no token.
    static func hash(ofBearer bearer: String) -> [UInt8]? {
        var characters = Array(bearer.utf8)[...]
        if characters.starts(with: Self.prefix.utf8) { characters = characters.dropFirst(Self.prefix.utf8.count) }
        let isHex = characters.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }
        guard characters.count == Self.hexCharacters, isHex else { return nil }
        return Array(SHA256.hash(data: Array(characters)))
    }
}

extension TokenSecret: CustomStringConvertible, CustomReflectable {
    /// A secret in a log is none.
    package var description: String { "cp_…" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
