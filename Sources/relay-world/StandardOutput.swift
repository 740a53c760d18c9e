import Glibc

/// Standard output without a buffer: who waits for a line gets it at once.
enum StandardOutput {
    /// Writes all of `bytes`; false once nobody reads any more.
    @discardableResult
    static func write(_ bytes: [UInt8]) -> Bool {
        var start = 0
        while start < bytes.count {
            let count = bytes[start...].withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            start += count
        }
        return true
    }

    /// A line on standard error.
    static func report(_ line: String) {
        let bytes = Array(line.utf8) + [UInt8(ascii: "\n")]
        _ = bytes.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    static func write(line: String) {
        self.write(Array(line.utf8) + [UInt8(ascii: "\n")])
    }
}
