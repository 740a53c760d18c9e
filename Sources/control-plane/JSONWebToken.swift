import Nostr

/// Why a JWT is not believed; each case is a label of a metric, and none of them reaches the client.
enum JWTRefusal: String, Error, CaseIterable, Sendable {
    case oversized, malformed, algorithm, critical
    case unknownKey = "unknown_key"
    case signature, issuer, audience, expired
    case notYetValid = "not_yet_valid"
    case subject
}

/// Signature algorithms that may be allowed; `none` and HMAC are none of them.
enum SignatureAlgorithm: String, CaseIterable, Sendable {
    /// With Ed25519 alone.
    case edDSA = "EdDSA"
    case es256 = "ES256"
    case rs256 = "RS256"
}

/// A signed token in compact form (RFC 7515 section 3.1), taken apart and not believed.
struct JSONWebToken {
    static let bytesMax = 8 * 1_024

    let algorithm: SignatureAlgorithm
    let keyID: String?
    let payload: JSONValue
    let signature: [UInt8]
    /// The exact bytes that were signed.
    let signed: [UInt8]

    /// Of the header only `alg`, `kid` and `crit` are read: `jku`, `jwk`, `x5u` and `x5c` would let the token bring its
    /// own key (RFC 8725 section 3.10).
    init(_ text: some StringProtocol) throws(JWTRefusal) {
        let bytes = Array(text.utf8)
        guard bytes.count <= Self.bytesMax else { throw .oversized }
        let parts = bytes.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 3, let header = Self.object(parts[0]), let payload = Self.object(parts[1]),
            let signature = Base64URL.decoded(parts[2])
        else { throw .malformed }
        guard header["crit"] == nil else { throw .critical }
        guard let algorithm = header["alg"]?.string.flatMap(SignatureAlgorithm.init) else { throw .algorithm }
        if let keyID = header["kid"] {
            guard let text = keyID.string else { throw .malformed }
            self.keyID = text
        } else {
            self.keyID = nil
        }
        self.algorithm = algorithm
        self.payload = payload
        self.signature = signature
        self.signed = Array(bytes[..<(parts[2].startIndex - 1)])
    }

    /// Member names are unique: two parsers could otherwise see two tokens (RFC 7515 section 4).
    private static func object(_ text: ArraySlice<UInt8>) -> JSONValue? {
        guard let bytes = Base64URL.decoded(text), let value = JSONValue(parsing: bytes.span),
            case .object(let members) = value, Set(members.map { Array($0.name.utf8) }).count == members.count
        else { return nil }
        return value
    }
}
