package import LineFiles
import Postgres

/// A file of events, read on a thread of its own: a pipe may be silent for as long as it likes.
package actor EventFile {
    private nonisolated let executor: BlockingExecutor
    private let path: String?
    private let compression: Compression
    private let limits: LineReader.Limits
    private var reader: LineReader?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { self.executor.asUnownedSerialExecutor() }

    /// - Parameter path: nil reads standard input.
    package init(path: String?, compression: Compression, limits: LineReader.Limits) {
        self.executor = BlockingExecutor(label: "nostr-ingest events")
        self.path = path
        self.compression = compression
        self.limits = limits
    }

    /// Lines that were read together, and how far into the packed file they reach.
    package struct Batch: Sendable {
        package var lines: [LineReader.Line] = []
        package var packedBytes = 0
        /// Of a regular file.
        package var size: Int?
    }

    /// The next lines; none at the end of the file. What a pipe has delivered does not wait for what it has not.
    ///
    /// - Throws: `LineFileError`.
    package func next(linesMax: Int, bytesMax: Int) throws -> Batch {
        let reader = try self.open()
        var batch = Batch(size: reader.size)
        var bytes = 0
        while batch.lines.isEmpty || (batch.lines.count < linesMax && bytes < bytesMax && reader.hasBufferedBytes),
            let line = try reader.next()
        {
            bytes += line.bytes.count
            batch.lines.append(line)
        }
        batch.packedBytes = reader.packedBytes
        return batch
    }

    private func open() throws -> LineReader {
        if let reader = self.reader { return reader }
        let reader = try LineReader(path: self.path, compression: self.compression, limits: self.limits)
        self.reader = reader
        return reader
    }
}
