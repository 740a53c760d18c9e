import JWTKit
import Nostr

/// A public key with which one algorithm is verified.
struct VerificationKey: Sendable {
    let keyID: String?
    let algorithm: SignatureAlgorithm
    private let verifier: any JWTAlgorithm

    fileprivate init(keyID: String?, algorithm: SignatureAlgorithm, verifier: any JWTAlgorithm) {
        self.keyID = keyID
        self.algorithm = algorithm
        self.verifier = verifier
    }

    /// Whether the signature is this key's, over exactly these bytes.
    func verifies(_ signature: [UInt8], of bytes: [UInt8]) -> Bool {
        (try? self.verifier.verify(signature, signs: bytes)) ?? false
    }
}

/// The keys of a JWK Set that can verify something (RFC 7517 section 5).
struct JSONWebKeySet: Sendable {
    static let bytesMax = 64 * 1_024
    /// A rotation needs two.
    static let keysMax = 64
    private static let modulusBytes = 256...1_024

    let keys: [VerificationKey]

    /// Nil when the document is no key set; keys that are of no use here are left out, as the RFC asks.
    init?(_ bytes: [UInt8]) async {
        guard bytes.count <= Self.bytesMax, let list = JSONValue(parsing: bytes.span)?["keys"]?.array,
            list.count <= Self.keysMax
        else { return nil }
        var keys: [VerificationKey] = []
        for value in list {
            if let key = await Self.key(value) { keys.append(key) }
        }
        self.keys = keys
    }

    /// By `kid`; without one only when there is no choice. The type of the key must fit the algorithm.
    func key(id: String?, for algorithm: SignatureAlgorithm) -> VerificationKey? {
        let fitting: [VerificationKey] =
            if let id {
                self.keys.filter { $0.keyID.map { $0.utf8.elementsEqual(id.utf8) } ?? false }
            } else {
                self.keys
            }
        guard fitting.count == 1, let key = fitting.first, key.algorithm == algorithm else { return nil }
        return key
    }

    private static func key(_ value: JSONValue) async -> VerificationKey? {
        if let use = value["use"], use.string != "sig" { return nil }
        if let operations = value["key_ops"], !(operations.array?.contains(.string("verify")) ?? false) { return nil }
        // A collection of its own for each key: the library's answers with its first key for a `kid` that it does not know.
        let identifier = JWKIdentifier(string: "key")
        guard let (algorithm, key) = self.publicPart(value, identifier) else { return nil }
        if let stated = value["alg"], stated.string != algorithm.rawValue { return nil }
        let collection = JWTKeyCollection()
        guard (try? await collection.add(jwk: key)) != nil,
            let verifier = try? await collection.getKey(for: identifier, alg: algorithm.rawValue)
        else { return nil }
        return VerificationKey(keyID: value["kid"]?.string, algorithm: algorithm, verifier: verifier)
    }

    /// Private members that were published by mistake are not taken over.
    private static func publicPart(_ value: JSONValue, _ identifier: JWKIdentifier) -> (SignatureAlgorithm, JWK)? {
        func text(_ name: String) -> String? { value[name]?.string }
        switch (text("kty"), text("crv")) {
        case ("OKP", "Ed25519"):
            guard let x = text("x"), Base64URL.decoded(x.utf8)?.count == 32 else { return nil }
            return (.edDSA, .octetKeyPair(.eddsa, identifier: identifier, x: x, y: nil, curve: .ed25519))
        case ("EC", "P-256"):
            guard let x = text("x"), let y = text("y"), Base64URL.decoded(x.utf8)?.count == 32,
                Base64URL.decoded(y.utf8)?.count == 32
            else { return nil }
            return (.es256, .ecdsa(.es256, identifier: identifier, x: x, y: y, curve: .p256))
        case ("RSA", _):
            guard let n = text("n"), let e = text("e"), let modulus = Base64URL.decoded(n.utf8),
                self.modulusBytes.contains(modulus.count), let first = modulus.first,
                first >= 0x80 || modulus.count > 256
            else { return nil }
            return (.rs256, .rsa(.rs256, identifier: identifier, modulus: n, exponent: e))
        default:
            return nil
        }
    }
}
