import Crypto
import Foundation
import JWTKit
import Testing

@testable import control_plane

struct JSONWebKeySetTests {
    private static let ed = AuthService.Key("ed")
    private static let x = AuthService.base64url(Array(ed.secret.publicKey.rawRepresentation))

    @Test(
        arguments: [
            (#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"\#(x)"}"#, true),
            (#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"\#(x)","use":"enc"}"#, false),
            (#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"\#(x)","alg":"ES256"}"#, false),
            (#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"\#(x)","key_ops":["sign"]}"#, false),
            (#"{"kty":"OKP","crv":"X25519","kid":"a","x":"\#(x)"}"#, false),
            (#"{"kty":"OKP","crv":"Ed25519","kid":"a","x":"AAAA"}"#, false),
            (#"{"kty":"oct","kid":"a","k":"AAAA"}"#, false), (#"{"kty":"EC","crv":"P-384","kid":"a"}"#, false),
            // 1024 bits.
            (#"{"kty":"RSA","kid":"a","e":"AQAB","n":"\#(String(repeating: "_", count: 171))"}"#, false),
            ("7", false), ("{}", false),
        ])
    func `only keys that verify something are taken`(key: String, isTaken: Bool) async throws {
        let set = try #require(await JSONWebKeySet(Array("{\"keys\":[\(key)]}".utf8)))
        #expect(set.keys.count == (isTaken ? 1 : 0))
    }

    @Test(arguments: ["", "[]", "{}", #"{"keys":{}}"#, #"{"keys":[]"#])
    func `what is no key set is none`(document: String) async {
        #expect(await JSONWebKeySet(Array(document.utf8)) == nil)
    }

    @Test func `a document has a limit, and a number of keys`() async {
        let key = Self.ed.jwk
        let many = Array(repeating: key, count: JSONWebKeySet.keysMax + 1).joined(separator: ",")
        #expect(await JSONWebKeySet(Array("{\"keys\":[\(many)]}".utf8)) == nil)
        let wide = "{\"keys\":[]," + "\"x\":\"" + String(repeating: "y", count: JSONWebKeySet.bytesMax) + "\"}"
        #expect(await JSONWebKeySet(Array(wide.utf8)) == nil)
    }

    @Test func `two keys of one name are no choice`() async throws {
        let set = try #require(await JSONWebKeySet(AuthService.document([AuthService.Key("a"), AuthService.Key("a")])))
        #expect(set.keys.count == 2 && set.key(id: "a", for: .edDSA) == nil)
    }

    /// Both, and only with the algorithm that fits.
    @Test func `ES256 and RS256 are verified with their own keys`() async throws {
        let ec = P256.Signing.PrivateKey()
        let point = Array(ec.publicKey.rawRepresentation)
        let (x, y) = (AuthService.base64url(Array(point[..<32])), AuthService.base64url(Array(point[32...])))
        let rsa = try Insecure.RSA.PrivateKey(pem: Self.rsaKey)
        let (modulus, exponent) = try rsa.publicKey.getKeyPrimitives()
        let document = """
            {"keys":[{"kty":"EC","crv":"P-256","kid":"ec","x":"\(x)","y":"\(y)"},
              {"kty":"RSA","kid":"rsa","n":"\(AuthService.base64url(Array(modulus)))",
               "e":"\(AuthService.base64url(Array(exponent)))"}]}
            """
        let set = try #require(await JSONWebKeySet(Array(document.utf8)))
        let message = Array("signed".utf8)
        let ecKey = try #require(set.key(id: "ec", for: .es256))
        let ecSignature = Array(try ec.signature(for: message).rawRepresentation)
        #expect(ecKey.verifies(ecSignature, of: message))
        #expect(!ecKey.verifies(ecSignature, of: Array("signed!".utf8)))
        #expect(set.key(id: "ec", for: .rs256) == nil && set.key(id: "rsa", for: .es256) == nil)
        let rsaKey = try #require(set.key(id: "rsa", for: .rs256))
        let signer = try await JWTKeyCollection().add(rsa: rsa, digestAlgorithm: .sha256).getKey()
        #expect(rsaKey.verifies(try signer.sign(message), of: message))
        #expect(!rsaKey.verifies(ecSignature, of: message))
    }

    @Test(
        arguments: [
            ("/etc/jwks.json", true), ("https://auth.example/api/auth/jwks", true),
            ("http://127.0.0.1:3000/jwks", true),
            ("http://[::1]:3000/jwks", true), ("http://localhost/jwks", true), ("http://auth.example/jwks", false),
            ("http://127.0.0.1.evil.example/jwks", false), ("http://169.254.169.254/", false),
            ("https://user:secret@auth.example/jwks", false), ("ftp://auth.example/jwks", false), ("jwks.json", false),
            ("https:///jwks", false),
        ])
    func `keys come over TLS, from this machine, or from a file`(text: String, isAllowed: Bool) {
        #expect((KeyLocation(text) != nil) == isAllowed)
    }

    /// Made for this test.
    private static let rsaKey = """
        -----BEGIN RSA PRIVATE KEY-----
        MIIEpAIBAAKCAQEAwuQkYKAgK+ANzvkWSmTTh8YmfbNmPdJ9Y8K5LDfECy8kGcyz
        PZEDTFXLlIxVkD3dRgZ//+v2s/Q4D14tTI8ofKrmv6HQPuPt4GtAe8lJN9sPJ5yN
        NACZ6xz8k4/4Z4cFk4GvQKiZMS9ZjxLVotvfflWjVIpDYyNTcxUAZYCXsBwTKQI3
        bNtwBlRaMLCOm988a/L5u6sdf+SPnd3YfJYJxtzK4QMb+RxLLDi/zCpWTmKd6GHs
        iImG9OCi0TgdSz82l0YrGJT72crmynZUS+moNcdAvoJK9S7tL0G6e6v6DAfbtHN0
        gLb5EnviGqG7YOzQdOK6HFAe2LnFDrf6iPDcrwIDAQABAoIBAB9t/XPbvvR0cKWl
        Q/QBaJ+n1ANHkEB+FpylBYndAG+xTYgfm/Rc04RW/braGt5lK68kUzYpjqKcywGn
        dXS4TZY1VXsoFFZgGbesdDzCTF2GpV4FADyXsDrbdNwzRqMjgkG0k1fBGNt2wGGz
        buKRxOwx0WJL3ew6ATY499RmtY+/3ySkLafuujLDe/BiZ4u6uqEGcMBXZS4ny926
        BQcUSMc2ESY2Lsc0pMVSjzKTos6pfKpqWwNnvKKTh5/VuWVsftgOM19fnH4QjmfA
        QnRkie2gmNRXA1/gn29SynWPeOoyynm32wzelF3ah32F0crKO1KWnA3w0drBsqrv
        VGfLWgkCgYEA7ZcVx887c6+2R431/E/oSNDEYF0NHJ2EN5qGmtF7y+3gKJBldFO/
        6pkgn5trIRpWQEJSi0aRSV5ottK//QSSnGFyzvSWcSOMz2rx0WNbseIzkpq+FKEk
        tkak/6GLvQV2nmEoQmaQzFMaCoCtQzsTpxFV/Sae1UfHZVWT+H7KfgMCgYEA0f4Q
        6CP/g2MZcQf3r0l2kUWObQZZd6eRATzrMYfmlHoW9FK3EFK0tvNFXAPRzQSp0tw4
        LugKTx3jb/5vw5NjIZi/DTyB07+XSeqhpSqbhMVPRFD31fPUv9wh7kQx3D5PDKCT
        0XbCCUbCn8TYH0mfjz7tleBtyUYQWacF1/aiDOUCgYEAkNzY+94/+pZ9Rn2pKTEz
        iQo5YiP6NaNZFWoTflwR5lJgpXr9UQMrdgftm0Nw+1sKkd2eZKsfNKPqpuYzBzt9
        hPnpvYPmIo+xcFpdnPS+2OP52/6bvQpPzw+d1PuTrymgnIrSuEG/McXNj+/LNL3V
        ir0IN/UPTS2ZxxB5yz7Lii8CgYEAyUysGFypy+FruhbRMI9Twd7TsV+s1C8lqfIj
        489LEnoXFw9TvaoK4nZBvvtKWyZlRWUl1pFJkJ4uMGXP7cOT+9jZDG88ZSf8dzcc
        zaAShSw/2FVlvwuGnoT/YdCtm1t/m7MzAFC/oPTcDRw9sYB6HG9OgaYqmA86DTc3
        OteKcKECgYAtAPpzPdpugGaWDbAcLUFqaKk2F+RGmrlktIVlZHUARP/2XMVPXGBt
        hzKb0l2JT/Kv0o61EFCLQN/xu9WUukiJwVMuyU4Zoxh6riBIe1pGoU+yEToqb/eA
        18YxZV3UyjCPhe9QfDpgoi5lAD+PptzSKM09NwParuk+iAcPynkZUA==
        -----END RSA PRIVATE KEY-----
        """
}
