import Nostr
import RelayWorld
import Testing

struct SignerTests {
    @Test func `a signed event verifies`() throws {
        let signer = Signer()
        let key = signer.key(named: "alice")
        let body = Event.Body(
            pubkey: key.publicKey, createdAt: Timestamp(1_700_000_000), kind: .note, tags: [["t", "é\"\\\n"]],
            content: "caf\u{e9} \u{1F980} \u{0}\u{1b}/")
        let event = signer.sign(body, with: key)
        let verified = try EventVerifier(keys: PublicKeyCache(capacity: 4)).verify(event)
        #expect(verified.event == event)
        let again = signer.sign(body, with: key)
        #expect(again.sig == event.sig)
    }

    /// Of BIP-340, "Test Vectors", rows 0 and 1.
    @Test func `a secret key has the x coordinate that BIP-340 gives it`() throws {
        let three = try #require(SecretKey(bytes: Array(repeating: 0, count: 31) + [3]))
        #expect("\(three.publicKey)" == "f9308a019258c31049344f85f89d5229b531c845836f99b08601f113bce036f9")
        let scalar = "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef"
        let bytes = try #require(Hex.bytes(Array(scalar.utf8)))
        let key = try #require(SecretKey(bytes: bytes))
        #expect("\(key.publicKey)" == "dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659")
    }

    @Test func `what is no scalar is no key`() {
        #expect(SecretKey(bytes: Array(repeating: 0, count: 32)) == nil)
        #expect(SecretKey(bytes: Array(repeating: 0xFF, count: 32)) == nil)
        #expect(SecretKey(bytes: [1]) == nil)
    }
}
