import Ingest
import Serving
import Synchronization

/// How far a backfill is, on standard error: a bar on a terminal, a line every ten seconds elsewhere.
final class ProgressDisplay: Sendable {
    private struct State {
        var missing: [String: Int64]
        var lastShown: ContinuousClock.Instant?
    }

    private let total: Int64
    private let isBar: Bool
    private let state: Mutex<State>
    private let start = ContinuousClock.now
    private static let barWidth = 30

    /// - Parameter parts: name and missing seconds of each.
    init(_ parts: [(String, Int64)], isBar: Bool) {
        self.total = parts.reduce(0) { $0 + $1.1 }
        self.isBar = isBar
        self.state = Mutex(State(missing: Dictionary(parts) { $0 + $1 }))
    }

    func update(_ part: String, _ missingSeconds: Int64, _ received: Int) {
        let text = self.state.withLock { state -> String? in
            state.missing[part] = missingSeconds
            let now = ContinuousClock.now
            let interval: Duration = self.isBar ? .milliseconds(200) : .seconds(10)
            guard state.lastShown.map({ now - $0 >= interval }) ?? true else { return nil }
            state.lastShown = now
            let left = state.missing.values.reduce(0, +)
            return Self.text(
                total: self.total, left: left, received: received, elapsed: now - self.start, isBar: self.isBar)
        }
        guard let text else { return }
        self.isBar ? Terminal.draw("\r\u{1B}[K" + text) : Terminal.error(text)
    }

    func end() {
        if self.isBar { Terminal.draw("\r\u{1B}[K") }
    }

    static func text(total: Int64, left: Int64, received: Int, elapsed: Duration, isBar: Bool) -> String {
        let done = total > 0 ? max(0, min(1, Double(total - left) / Double(total))) : 1
        let seconds = max(0.001, elapsed / .seconds(1))
        let rest = "\(Int(done * 100)) %, \(received) events, \(Int(Double(received) / seconds)) ev/s"
        guard isBar else { return "backfill: \(rest)" }
        let filled = Int(done * Double(self.barWidth))
        return "[" + String(repeating: "█", count: filled) + String(repeating: "░", count: self.barWidth - filled)
            + "] \(rest)"
    }
}
