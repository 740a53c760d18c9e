import LineFiles
import Postgres

/// A file that a command writes, on a thread of its own: a pipe may be full for as long as it likes.
actor OutputFile {
    private nonisolated let executor = BlockingExecutor(label: "nostr-ingest output")
    private let writer: LineWriter

    nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    /// - Parameter path: nil writes to standard output.
    init(path: String?, compression: Compression, replaces: Bool) throws(LineFileError) {
        self.writer = try LineWriter(path: path, compression: compression, replaces: replaces)
    }

    func write(_ lines: [[UInt8]]) throws(LineFileError) {
        for line in lines { try self.writer.write(line) }
    }

    /// Without it the file never appears.
    func finish() throws(LineFileError) { try self.writer.finish() }
}
