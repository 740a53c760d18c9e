import Foundation
import Glibc

/// Data to standard output, everything else to standard error (operations.md section 14.2).
package enum Terminal {
    package static func output(_ text: String) { self.write(text + "\n", to: STDOUT_FILENO) }
    package static func error(_ text: String) { self.write(text + "\n", to: STDERR_FILENO) }

    /// Without a line feed: for what is drawn over.
    package static func draw(_ text: String) { self.write(text, to: STDERR_FILENO) }

    package static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
    package static let errorIsTerminal = isatty(STDERR_FILENO) == 1

    /// Whether progress may be drawn over itself on standard error.
    package static let errorIsFancy = errorIsTerminal && isFancy(ProcessInfo.processInfo.environment)

    /// Whether lines may be drawn over and coloured.
    package static func isFancy(_ environment: [String: String]) -> Bool {
        (environment["NO_COLOR"] ?? "").isEmpty && environment["TERM"] != "dumb"
    }

    /// Asks on a terminal; no anywhere else.
    package static func confirms(_ question: String) -> Bool {
        guard isatty(STDIN_FILENO) == 1, Self.errorIsTerminal else { return false }
        self.draw("\(question) [y/N] ")
        return ["y", "yes"].contains(readLine(strippingNewline: true)?.lowercased() ?? "")
    }

    /// Whether everything was handed over; a reader that went away is no reason to fail.
    @discardableResult
    package static func write(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                bytes = bytes.dropFirst(written)
            } else if errno != EINTR {
                return false
            }
        }
        return true
    }

    /// What others wrote, made harmless for a terminal: no control and no bidirectional characters, at most 256 bytes.
    package static func harmless(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            let isBidirectional = (0x202A...0x202E).contains(scalar.value) || (0x2066...0x2069).contains(scalar.value)
            let safe: Unicode.Scalar = scalar.properties.generalCategory == .control || isBidirectional ? " " : scalar
            bytes += UTF8.width(safe)
            guard bytes <= 256 else { break }
            kept.append(safe)
        }
        return String(kept)
    }
}
