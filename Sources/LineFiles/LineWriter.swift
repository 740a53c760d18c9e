import Glibc

/// Writes a file or a pipe line by line, packing it on the way.
///
/// A file appears under its name only when it is complete: until ``finish()`` it is called `<name>.partial`, and an
/// instance that goes away before removes that. It blocks, like ``LineReader``.
package final class LineWriter {
    /// What errors call the file.
    package let name: String
    /// Packed bytes that were written.
    package private(set) var packedBytes = 0

    private let path: String?
    private let descriptor: Int32
    private let encoder: (any StreamEncoder)?
    private var pending: [UInt8] = []
    private var isFinished = false

    private static let pendingMax = 65_536

    /// - Parameters:
    ///   - path: nil writes to standard output.
    ///   - replaces: an existing file may be overwritten.
    package init(path: String?, compression: Compression, replaces: Bool) throws(LineFileError) {
        self.name = path ?? "standard output"
        self.path = path
        self.encoder =
            switch compression {
            case .none: nil
            case .gzip: GzipEncoder()
            case .zstd: ZstdEncoder()
            }
        guard let path else {
            self.descriptor = STDOUT_FILENO
            return
        }
        if !replaces, access(path, F_OK) == 0 {
            self.descriptor = -1
            throw .exists(file: path)
        }
        self.descriptor = open(Self.partial(path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
        guard self.descriptor >= 0 else { throw .cannotCreate(file: path, reason: SystemError.last) }
    }

    deinit {
        guard let path = self.path, self.descriptor >= 0, !self.isFinished else { return }
        close(self.descriptor)
        unlink(Self.partial(path))
    }

    private static func partial(_ path: String) -> String { path + ".partial" }

    /// Adds the line and a line feed.
    package func write(_ line: some Collection<UInt8>) throws(LineFileError) {
        self.pending.append(contentsOf: line)
        self.pending.append(UInt8(ascii: "\n"))
        if self.pending.count >= Self.pendingMax { try self.flush(isLast: false) }
    }

    /// Writes what is left and makes the file appear under its name.
    package func finish() throws(LineFileError) {
        try self.flush(isLast: true)
        guard let path = self.path else { return }
        guard fsync(self.descriptor) == 0, rename(Self.partial(path), path) == 0 else {
            throw .writeFailed(file: self.name, reason: SystemError.last)
        }
        self.isFinished = true
        close(self.descriptor)
    }

    private func flush(isLast: Bool) throws(LineFileError) {
        let pending = self.pending
        self.pending.removeAll(keepingCapacity: true)
        let outcome = pending.withUnsafeBytes { bytes -> Result<Void, LineFileError> in
            Result { () throws(LineFileError) in
                guard let encoder = self.encoder else { return try self.put(bytes) }
                try encoder.encode(bytes, isLast: isLast) { (piece) throws(LineFileError) in try self.put(piece) }
            }
        }
        try outcome.get()
    }

    private func put(_ bytes: UnsafeRawBufferPointer) throws(LineFileError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = Glibc.write(self.descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count >= 0 {
                self.packedBytes += count
                rest = rest.dropFirst(count)
            } else if errno == EPIPE {
                throw .readerWentAway(file: self.name)
            } else if errno != EINTR {
                throw .writeFailed(file: self.name, reason: SystemError.last)
            }
        }
    }
}
