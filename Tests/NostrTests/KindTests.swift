import Nostr
import Testing

struct KindTests {
    /// NIP-01, and nips.md 2.5 for what it leaves open (01-22, 01-32).
    @Test(
        arguments: [
            (0, .replaceable), (1, .regular), (2, .regular), (3, .replaceable), (4, .regular), (5, .regular),
            (41, .regular),
            (44, .regular), (45, .regular), (62, .regular), (999, .regular), (1_000, .regular), (9_999, .regular),
            (10_000, .replaceable), (19_999, .replaceable), (20_000, .ephemeral), (22_242, .ephemeral),
            (29_999, .ephemeral),
            (30_000, .addressable), (39_999, .addressable), (40_000, .regular), (65_535, .regular),
        ] as [(UInt16, Kind.Class)])
    func `a kind has the class of its range`(kind: UInt16, kindClass: Kind.Class) {
        #expect(Kind(kind).kindClass == kindClass)
    }

    @Test(
        arguments: [
            (13, true), (14, true), (9_734, true), (22_242, true), (20_000, true), (29_999, true),
            (1, false), (9_735, false), (1_059, false), (30_000, false), (19_999, false),
        ] as [(UInt16, Bool)])
    func `some kinds are never stored`(kind: UInt16, isNeverStored: Bool) {
        #expect(EventGate.isNeverStored(Kind(kind)) == isNeverStored)
    }
}
