import Ingest
import Serving
import Synchronization

/// How far a command is, on standard error: a bar on a terminal, a line every ten seconds elsewhere.
final class ProgressDisplay: Sendable {
    private let name: String
    private let isBar: Bool
    private let lastShown = Mutex<ContinuousClock.Instant?>(nil)
    private let start = ContinuousClock.now
    private static let barWidth = 30

    /// - Parameter name: the command, which leads the lines where there is no terminal.
    init(_ name: String, isBar: Bool = Terminal.errorIsFancy) {
        self.name = name
        self.isBar = isBar
    }

    /// Shows the state, unless the last one is still fresh.
    ///
    /// - Parameters:
    ///   - done: of 1; nil where nobody knows.
    ///   - count: of what `unit` names.
    func update(_ done: Double?, _ count: Int, _ unit: String = "events") {
        let now = ContinuousClock.now
        let interval: Duration = self.isBar ? .milliseconds(200) : .seconds(10)
        let isDue = self.lastShown.withLock { last in
            // A bar is there at once; a log that ends within ten seconds needs no line of progress.
            guard self.isBar && last == nil || now - (last ?? self.start) >= interval else { return false }
            last = now
            return true
        }
        guard isDue else { return }
        let text = Self.text(
            self.name, done: done, count: count, unit: unit, elapsed: now - self.start, isBar: self.isBar)
        self.isBar ? Terminal.draw("\r\u{1B}[K" + text) : Terminal.error(text)
    }

    func end() {
        if self.isBar { Terminal.draw("\r\u{1B}[K") }
    }

    static func text(
        _ name: String, done: Double?, count: Int, unit: String, elapsed: Duration, isBar: Bool
    ) -> String {
        let done = done.map { max(0, min(1, $0)) }
        let seconds = max(0.001, elapsed / .seconds(1))
        let rate = "\(count) \(unit), \(Int(Double(count) / seconds))/s"
        let rest = done.map { "\(Int($0 * 100)) %, \(rate)" } ?? rate
        guard isBar else { return "\(name): \(rest)" }
        guard let done else { return rest }
        let filled = Int(done * Double(self.barWidth))
        return "[" + String(repeating: "█", count: filled) + String(repeating: "░", count: self.barWidth - filled)
            + "] \(rest)"
    }
}
