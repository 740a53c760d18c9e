/// How often a fault happens.
package enum Occurrence: Hashable, Sendable {
    case never
    case always
    /// Every n-th time, the n-th first.
    case every(Int)
    /// With this probability.
    case share(Double)
}

extension Occurrence {
    /// Reads `never`, `always`, `1/<n>` for every n-th, or a probability such as `0.05`.
    package init?(_ text: String) {
        switch text {
        case "never": self = .never
        case "always": self = .always
        default:
            if text.hasPrefix("1/"), let period = Int(text.dropFirst(2)), period > 0 {
                self = .every(period)
            } else if let share = Double(text), (0...1).contains(share) {
                self = .share(share)
            } else {
                return nil
            }
        }
    }
}

/// Decides when a fault happens, from a seed.
struct FaultDice {
    private var random: SplitMix64
    private var occasions: [Fault: Int] = [:]

    init(seed: UInt64) {
        self.random = SplitMix64(seed: seed)
    }

    mutating func fires(_ fault: Fault, _ occurrence: Occurrence) -> Bool {
        switch occurrence {
        case .never: return false
        case .always: return true
        case .every(let period):
            let occasion = self.occasions[fault, default: 0] + 1
            self.occasions[fault] = occasion
            return occasion.isMultiple(of: max(1, period))
        case .share(let probability): return self.random.chance(probability)
        }
    }

    mutating func below(_ bound: Int) -> Int { self.random.below(bound) }

    mutating func shuffle(_ slots: inout [Int32]) { self.random.shuffle(&slots) }
}
