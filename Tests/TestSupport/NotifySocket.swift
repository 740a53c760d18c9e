import Glibc

/// What systemd would own: a datagram socket with a name.
package final class NotifySocket {
    private struct Failure: Error {}

    package let path: String
    private let descriptor: Int32

    package init() throws {
        self.path = "/tmp/notify-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        self.descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        guard self.descriptor >= 0 else { throw Failure() }
        var limit = timeval(tv_sec: 30, tv_usec: 0)
        setsockopt(self.descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(self.path.utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count + 1)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(self.descriptor, $0, length) }
        }
        guard bound == 0 else { throw Failure() }
    }

    deinit {
        close(self.descriptor)
        unlink(self.path)
    }

    /// Reads until a datagram holds `text`; false when none came within half a minute.
    package func wait(for text: String) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4_096)
        while true {
            let count = recv(self.descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return false }
            if String(decoding: buffer.prefix(count), as: UTF8.self).contains(text) { return true }
        }
    }
}
