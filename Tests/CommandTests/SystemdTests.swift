import Foundation
import Glibc
import Serving
import TestSupport
import Testing

@testable import nostr_ingest

struct SystemdNotifierTests {
    /// A datagram socket that systemd would own.
    private func withSocket(isAbstract: Bool, _ body: (String, Int32) throws -> Void) throws {
        let name = "/tmp/notify-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue), 0)
        try #require(descriptor >= 0)
        defer {
            close(descriptor)
            unlink(name)
        }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = (isAbstract ? [0] : []) + Array(name.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + (isAbstract ? 0 : 1))
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(bound == 0)
        try body(isAbstract ? "@" + name : name, descriptor)
    }

    private func receive(_ descriptor: Int32) -> String? {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count < 0 ? nil : String(decoding: buffer.prefix(count), as: UTF8.self)
    }

    @Test(arguments: [false, true])
    func `a state arrives as one datagram`(isAbstract: Bool) throws {
        try self.withSocket(isAbstract: isAbstract) { path, descriptor in
            let notifier = try #require(SystemdNotifier(environment: ["NOTIFY_SOCKET": path]))
            #expect(notifier.send("READY=1\nSTATUS=5/6 relays"))
            #expect(self.receive(descriptor) == "READY=1\nSTATUS=5/6 relays")
            #expect(self.receive(descriptor) == nil)
        }
    }

    @Test func `nobody there is no error`() throws {
        let notifier = try #require(SystemdNotifier(environment: ["NOTIFY_SOCKET": "/nonexistent/socket"]))
        #expect(!notifier.send("READY=1"))
    }

    @Test(
        arguments: [
            nil, "", "relative", "vsock:2:1", "/" + String(repeating: "x", count: 107),
            "@" + String(repeating: "x", count: 108),
        ] as [String?])
    func `an address that cannot be reached is none`(path: String?) {
        #expect(SystemdNotifier(environment: path.map { ["NOTIFY_SOCKET": $0] } ?? [:]) == nil)
    }

    @Test(
        arguments: [
            ([:], nil), (["WATCHDOG_USEC": "30000000"], .seconds(15)), (["WATCHDOG_USEC": "0"], nil),
            (["WATCHDOG_USEC": "x"], nil), (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "7"], .seconds(15)),
            (["WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "8"], nil),
        ] as [([String: String], Duration?)])
    func `the watchdog's interval`(environment: [String: String], interval: Duration?) {
        #expect(SystemdNotifier.watchdogInterval(environment: environment, pid: 7) == interval)
    }
}

struct NotifyStateTests {
    let start = ContinuousClock.now

    private func seen(
        ready: Bool = true, draining: Bool = false, inFlight: Int = 0, tick: Duration? = .zero, status: String = "s"
    ) -> NotifyState.Observation {
        let instant = tick.map { self.start + $0 }
        return NotifyState.Observation(
            isReady: ready, isDraining: draining, inFlight: inFlight, unit: "events", ticks: [instant, instant],
            status: status)
    }

    @Test func `ready is said once, a status when it changes`() {
        var state = NotifyState(watchdogInterval: nil)
        #expect(state.datagrams(self.seen(ready: false, status: "connecting"), at: self.start) == ["STATUS=connecting"])
        #expect(state.datagrams(self.seen(ready: false, status: "connecting"), at: self.start) == [])
        #expect(state.datagrams(self.seen(status: "a"), at: self.start) == ["READY=1\nSTATUS=a"])
        #expect(state.datagrams(self.seen(status: "a"), at: self.start) == [])
        #expect(state.datagrams(self.seen(status: "b"), at: self.start) == ["STATUS=b"])
    }

    @Test func `the keep-alive comes at its interval while both loops tick`() {
        var state = NotifyState(watchdogInterval: .seconds(15))
        #expect(state.datagrams(self.seen(), at: self.start) == ["READY=1\nSTATUS=s", "WATCHDOG=1"])
        #expect(state.datagrams(self.seen(), at: self.start + .seconds(14)) == [])
        #expect(state.datagrams(self.seen(tick: .seconds(10)), at: self.start + .seconds(15)) == ["WATCHDOG=1"])
    }

    @Test func `a loop that hangs ends the keep-alive`() {
        var state = NotifyState(watchdogInterval: .seconds(15))
        _ = state.datagrams(self.seen(), at: self.start)
        var hung = self.seen(tick: .seconds(60))
        hung.ticks[0] = self.start
        #expect(state.datagrams(hung, at: self.start + .seconds(61)) == [])
        hung = self.seen(tick: .seconds(60))
        hung.ticks[1] = nil
        #expect(state.datagrams(hung, at: self.start + .seconds(61)) == [])
        #expect(state.datagrams(self.seen(tick: .seconds(60)), at: self.start + .seconds(61)) == ["WATCHDOG=1"])
    }

    @Test func `a drain asks for time only while it makes progress`() {
        var state = NotifyState(watchdogInterval: nil)
        _ = state.datagrams(self.seen(), at: self.start)
        #expect(
            state.datagrams(self.seen(draining: true, inFlight: 10), at: self.start)
                == ["STOPPING=1\nSTATUS=draining 10 events\nEXTEND_TIMEOUT_USEC=10000000"])
        #expect(state.datagrams(self.seen(draining: true, inFlight: 10), at: self.start) == [])
        #expect(
            state.datagrams(self.seen(draining: true, inFlight: 4), at: self.start)
                == ["STATUS=draining 4 events\nEXTEND_TIMEOUT_USEC=10000000"])
    }
}

struct UnitFileTests {
    static let directory = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "systemd").path
    static let hasAnalyze = FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")

    @Test(.enabled(if: Self.hasAnalyze))
    func `the units are silent under verify and little exposed`() throws {
        let result = try Program.run("/bin/bash", [Self.directory + "/verify.sh"])
        #expect(result.status == 0, "\(result.output)\(result.error)")
    }

    @Test func `the unit prevents restarts for exactly the codes that waiting cannot cure`() throws {
        let text = try String(contentsOfFile: Self.directory + "/nostr-ingest.service", encoding: .utf8)
        let codes = [ProcessStatus.usage, .badInput, .noPermission, .configuration].map { String($0.rawValue) }
        #expect(text.contains("RestartPreventExitStatus=\(codes.joined(separator: " "))\n"))
    }

    @Test func `both units are hardened alike`() throws {
        func block(_ name: String) throws -> Substring {
            let text = try String(contentsOfFile: Self.directory + "/" + name, encoding: .utf8)
            let start = try #require(text.range(of: "NoNewPrivileges"))
            let end = try #require(text.range(of: "[Install]"))
            return text[start.lowerBound..<end.lowerBound]
        }
        #expect(try block("nostr-ingest.service") == block("nostr-ingest-migrate.service"))
    }
}
