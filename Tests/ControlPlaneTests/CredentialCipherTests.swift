import Crypto
import Foundation
import Postgres
import Testing

@testable import ControlPlane

struct CredentialCipherTests {
    private static func key(_ byte: UInt8, bytes: Int = 32) -> SymmetricKey {
        SymmetricKey(data: [UInt8](repeating: byte, count: bytes))
    }

    private static func cipher(_ numbers: [UInt8], current: UInt8) throws -> CredentialCipher {
        try #require(
            CredentialCipher(
                keys: Dictionary(uniqueKeysWithValues: numbers.map { ($0, Self.key($0)) }), current: current))
    }

    @Test func `the form is 0x01, key number, nonce, ciphertext, tag, and no two are alike`() throws {
        let cipher = try Self.cipher([7], current: 7)
        let first = try cipher.seal("gho_secret", .githubAccessToken, of: "ann")
        let second = try cipher.seal("gho_secret", .githubAccessToken, of: "ann")
        #expect(first.count == 2 + 12 + 10 + 16 && first[0] == 1 && first[1] == 7)
        #expect(first != second)
        #expect(cipher.open(first, .githubAccessToken, of: "ann") == "gho_secret")
    }

    @Test func `a ciphertext opens for its column and its user alone, and whole`() throws {
        let cipher = try Self.cipher([7], current: 7)
        let sealed = try cipher.seal("gho_secret", .githubAccessToken, of: "ann")
        #expect(cipher.open(sealed, .githubRefreshToken, of: "ann") == nil)
        #expect(cipher.open(sealed, .githubAccessToken, of: "eve") == nil)
        for index in sealed.indices {
            var changed = sealed
            changed[index] ^= 1
            #expect(cipher.open(changed, .githubAccessToken, of: "ann") == nil, "byte \(index)")
        }
        for count in [0, 1, 29, sealed.count - 1] {
            #expect(cipher.open(Array(sealed.prefix(count)), .githubAccessToken, of: "ann") == nil)
        }
    }

    @Test func `keys rotate: new ones write, old ones read`() throws {
        let sealed = try Self.cipher([1], current: 1).seal("s", .githubAccessToken, of: "ann")
        #expect(try Self.cipher([1, 2], current: 2).open(sealed, .githubAccessToken, of: "ann") == "s")
        #expect(try Self.cipher([1, 2], current: 2).seal("s", .githubAccessToken, of: "ann")[1] == 2)
        #expect(try Self.cipher([2], current: 2).open(sealed, .githubAccessToken, of: "ann") == nil)
        #expect(CredentialCipher(keys: [1: Self.key(1)], current: 2) == nil)
        #expect(CredentialCipher(keys: [1: Self.key(1, bytes: 16)], current: 1) == nil)
    }

    @Test func `GitHub tokens are encrypted at rest, in no answer, and not written without a key`() async throws {
        let tokens = GitHubTokens(access: "gho_access", refresh: "ghr_refresh", scopes: "repo")
        try await ControlFixture.with(cipher: AccessActions.cipher) { control in
            let ann = try await control.caller("ann")
            try await control.operations.setGitHubTokens(ann, tokens)
            #expect(try await control.operations.gitHubTokens(ann) == tokens)
            let stored = try await control.column(
                "SELECT encode(github_access_token || github_refresh_token, 'escape') FROM users")
            #expect(stored.count == 1 && !stored[0].contains("gho_") && !stored[0].contains("ghr_"))
            let identity = try await control.operations.me(ann)
            #expect(identity.user?.githubScopes == "repo")
            var dumped = "\(tokens) \(String(reflecting: tokens))"
            dump(identity, to: &dumped)
            #expect(!dumped.contains("gho_") && !dumped.contains("ghr_"))
            // Bytes that are moved to another user do not open.
            let eve = try await control.user("eve")
            try await control.script(
                "UPDATE users SET github_access_token = (SELECT github_access_token FROM users WHERE user_id = 'ann') WHERE user_id = 'eve'"
            )
            #expect(try await control.operations.gitHubTokens(eve) == nil)
            try await control.operations.clearGitHubTokens(ann)
            #expect(try await control.operations.gitHubTokens(ann) == nil)
        }
        try await ControlFixture.with { control in
            let ann = try await control.caller("ann")
            #expect(await refusal { try await control.operations.setGitHubTokens(ann, tokens) } == .badRequest)
            #expect(try await control.count("users") == 0)
        }
    }
}
