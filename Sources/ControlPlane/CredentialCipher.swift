package import Crypto
import FoundationEssentials

/// Encrypts third-party credentials at rest, each for one column of one user (control-plane.md §4.1).
///
/// `0x01 ‖ key number ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16)`, with `users.<column>:<user_id>` as associated
/// data: bytes that are moved to another user or column do not open.
package struct CredentialCipher: Sendable {
    package enum Column: String, CaseIterable, Sendable {
        case githubAccessToken = "github_access_token"
        case githubRefreshToken = "github_refresh_token"
    }

    private static let form: UInt8 = 1
    private static let nonceBytes = 12
    private static let tagBytes = 16

    /// By number; old ones stay for reading.
    private let keys: [UInt8: SymmetricKey]
    private let current: (number: UInt8, key: SymmetricKey)

    /// - Parameters:
    ///   - keys: 32 bytes each.
    ///   - current: the number of the key that new ciphertexts are made with.
    /// - Returns: nil when there is no such key, or one of another length.
    package init?(keys: [UInt8: SymmetricKey], current: UInt8) {
        guard let key = keys[current], keys.values.allSatisfy({ $0.bitCount == 256 }) else { return nil }
        self.keys = keys
        self.current = (current, key)
    }

    func seal(_ secret: String, _ column: Column, of userID: String) throws -> [UInt8] {
        let box = try AES.GCM.seal(
            Array(secret.utf8), using: self.current.key, authenticating: Self.context(column, userID))
        return [Self.form, self.current.number] + Array(box.nonce) + Array(box.ciphertext) + Array(box.tag)
    }

    /// Nil for anything but what ``seal(_:_:of:)`` made for this column and user, with a key that we have.
    func open(_ sealed: [UInt8], _ column: Column, of userID: String) -> String? {
        guard sealed.count >= 2 + Self.nonceBytes + Self.tagBytes, sealed[0] == Self.form,
            let key = self.keys[sealed[1]],
            let nonce = try? AES.GCM.Nonce(data: sealed[2..<2 + Self.nonceBytes]),
            let box = try? AES.GCM.SealedBox(
                nonce: nonce, ciphertext: sealed[(2 + Self.nonceBytes)..<(sealed.count - Self.tagBytes)],
                tag: sealed[(sealed.count - Self.tagBytes)...]),
            let opened = try? AES.GCM.open(box, using: key, authenticating: Self.context(column, userID))
        else { return nil }
        return String(validating: opened, as: UTF8.self)
    }

    private static func context(_ column: Column, _ userID: String) -> [UInt8] {
        Array("users.\(column.rawValue):\(userID)".utf8)
    }
}
