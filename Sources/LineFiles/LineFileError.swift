/// Why a file could not be read or written: each names the file, and where in it.
package enum LineFileError: Error, Equatable, Sendable {
    case cannotOpen(file: String, reason: String)
    case cannotCreate(file: String, reason: String)
    /// Somebody else's file would be overwritten.
    case exists(file: String)
    /// The task was cancelled while a pipe was silent.
    case cancelled(file: String)
    case readFailed(file: String, reason: String)
    case writeFailed(file: String, reason: String)
    /// Whoever read our output closed it.
    case readerWentAway(file: String)
    /// The packed bytes are not what their format says. `byte` counts packed bytes, `line` the lines that were whole.
    case corrupt(file: String, byte: Int, line: Int, reason: String)
    /// The file ends in the middle of its packed data.
    case truncated(file: String, byte: Int, line: Int)
    /// A decompression bomb, or no file of lines.
    case expandsTooMuch(file: String, byte: Int, line: Int, times: Int)
}

extension LineFileError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotOpen(let file, let reason): "\(file): cannot be opened: \(reason)"
        case .cannotCreate(let file, let reason): "\(file): cannot be created: \(reason)"
        case .exists(let file): "\(file): exists already; remove it, or say --force"
        case .cancelled(let file): "\(file): cancelled"
        case .readFailed(let file, let reason): "\(file): cannot be read: \(reason)"
        case .writeFailed(let file, let reason): "\(file): cannot be written: \(reason)"
        case .readerWentAway(let file): "\(file): the reader went away"
        case .corrupt(let file, let byte, let line, let reason):
            "\(file): corrupt at byte \(byte), after line \(line): \(reason)"
        case .truncated(let file, let byte, let line):
            "\(file): ends at byte \(byte) in the middle of its packed data, after line \(line): the copy is not complete"
        case .expandsTooMuch(let file, let byte, let line, let times):
            "\(file): expands more than \(times) times at byte \(byte), after line \(line): no file of events does"
        }
    }
}
