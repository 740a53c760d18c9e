import Synchronization

/// A number of places that tests take one after the other, in order of arrival.
package final class TestPlaces: Sendable {
    private struct State {
        var free: Int
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state: Mutex<State>

    package init(_ count: Int) {
        self.state = Mutex(State(free: count))
    }

    /// Suspends until there is a place.
    package func enter() async {
        await withCheckedContinuation { continuation in
            let isIn = self.state.withLock { state in
                guard state.free > 0 else {
                    state.waiting.append(continuation)
                    return false
                }
                state.free -= 1
                return true
            }
            if isIn { continuation.resume() }
        }
    }

    /// Gives the place to whoever waits longest.
    package func leave() {
        let next = self.state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.waiting.isEmpty else {
                state.free += 1
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
