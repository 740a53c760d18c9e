import ArgumentParser
import FoundationEssentials
import NIOPosix
import Nostr
import RelayWorld
import UnixSignals

struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve a world on loopback until SIGTERM or SIGINT.",
        discussion: """
            Prints one line 'listening ws://127.0.0.1:PORT' as soon as connections are welcome. Statistics go to standard \
            error at the end.
            """)

    @Option(help: "Port; 0 means any.")
    var port = 0

    @OptionGroup var world: WorldOptions
    @OptionGroup var personality: PersonalityOptions

    @Option(help: "New events per second, published from the start.")
    var liveRate = 0.0

    @Option(help: "Seconds after which to stop; 0 means never.")
    var seconds = 0

    func run() async throws {
        let signals = await UnixSignalsSequence(trapping: [.sigterm, .sigint])
        let relay = try await WorldRelay.start(
            events: try self.world.load(), personality: try self.personality.value,
            group: MultiThreadedEventLoopGroup.singleton, port: self.port)
        StandardOutput.write(line: "listening \(relay.url)")
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in signals { break } }
            if self.seconds > 0 { group.addTask { try await Task.sleep(for: .seconds(self.seconds)) } }
            if self.liveRate > 0 { group.addTask { try await self.publish(on: relay) } }
            // The first to return is a signal or the end of the time; publishing goes on for ever.
            _ = try await group.next()
            group.cancelAll()
            while await group.nextResult() != nil {}
        }
        try await relay.stop()
        StandardOutput.report("\(try await relay.statistics)")
    }

    /// Publishes new events at an even rate, dated now; late ticks are made up for.
    private func publish(on relay: WorldRelay) async throws {
        var generator = SocialGenerator(seed: self.world.seed &+ 0x6C69_7665, options: try self.world.social)
        let clock = ContinuousClock()
        let start = clock.now
        var published = 0
        while !Task.isCancelled {
            let elapsed = start.duration(to: clock.now) / .seconds(1)
            let due = Int(elapsed * self.liveRate) - published
            if due > 0 {
                let now = Timestamp(Int64(Date().timeIntervalSince1970))
                // In small portions: signing takes tens of microseconds, and clients want their events in time.
                var events: [Event] = []
                for _ in 0..<min(due, 100) { events.append(generator.next(at: now)) }
                published += events.count
                try await relay.publish(events)
            } else {
                try await Task.sleep(for: .seconds(max(0.001, 1 / self.liveRate - 0.0005)))
            }
        }
    }
}
