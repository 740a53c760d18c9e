import Ingest
import Testing

struct FallbackPolicyTests {
    let policy = FallbackPolicy()
    let now = ContinuousClock.now

    func up(_ relay: String, for seconds: Int) -> FallbackPolicy.Candidate {
        .init(relay: relay, servingSince: self.now - .seconds(seconds), downSince: nil, failures: 0)
    }

    func down(_ relay: String, for seconds: Int, failures: Int = 0) -> FallbackPolicy.Candidate {
        .init(relay: relay, servingSince: nil, downSince: self.now - .seconds(seconds), failures: failures)
    }

    @Test func `no fallback serves while the primaries do`() {
        #expect(
            self.policy.active(
                primaries: [self.up("a", for: 1_000)], fallbacks: [self.down("x", for: 1_000)], serving: [],
                now: self.now) == [])
    }

    @Test func `a primary that is down for a moment needs nobody`() {
        #expect(
            self.policy.active(
                primaries: [self.down("a", for: 59)], fallbacks: [self.down("x", for: 0)], serving: [], now: self.now)
                == [])
    }

    @Test func `a primary that stays down is stood in for by the healthiest fallback`() {
        #expect(
            self.policy.active(
                primaries: [self.down("a", for: 60), self.up("b", for: 999)],
                fallbacks: [self.down("x", for: 0, failures: 3), self.down("y", for: 0, failures: 1)], serving: [],
                now: self.now) == ["y"])
    }

    @Test func `each missing primary has a stand-in of its own`() {
        #expect(
            self.policy.active(
                primaries: [self.down("a", for: 60), self.down("b", for: 70)],
                fallbacks: [self.down("x", for: 0), self.down("y", for: 0), self.down("z", for: 0)], serving: [],
                now: self.now
            ).count == 2)
    }

    @Test func `a primary that just came back keeps its stand-in until it has held`() {
        let fallbacks = [self.up("x", for: 500)]
        #expect(
            self.policy.active(primaries: [self.up("a", for: 119)], fallbacks: fallbacks, serving: ["x"], now: self.now)
                == ["x"])
        #expect(
            self.policy.active(primaries: [self.up("a", for: 120)], fallbacks: fallbacks, serving: ["x"], now: self.now)
                == [])
    }

    @Test func `a fallback that serves is not exchanged for a healthier one`() {
        #expect(
            self.policy.active(
                primaries: [self.down("a", for: 60)],
                fallbacks: [self.down("x", for: 0, failures: 9), self.down("y", for: 0)], serving: ["x"], now: self.now)
                == ["x"])
    }
}
