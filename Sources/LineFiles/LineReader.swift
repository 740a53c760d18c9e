import Glibc

/// Reads a file or a pipe line by line, unpacking it on the way, in bounded memory.
///
/// It blocks, so it belongs to whoever has a thread for that. A line feed ends a line; the last line need not have one.
/// A line that is too long is stepped over and reported as such.
package final class LineReader {
    package struct Line: Sendable {
        /// From 1.
        package let number: Int
        /// Without the line feed; empty when too long.
        package let bytes: [UInt8]
        package let isTooLong: Bool
    }

    package struct Limits: Sendable {
        package var lineBytesMax: Int
        /// Unpacked bytes for each packed one. Ids, keys and signatures do not compress, so no file of events comes near.
        package var expansionMax = 200
        /// Unpacked bytes before the proportion is looked at: small files may consist of anything.
        package var expansionFree = 16 * 1024 * 1024

        package init(lineBytesMax: Int) {
            self.lineBytesMax = lineBytesMax
        }
    }

    /// What errors call the file.
    package let name: String
    /// Of a regular file; nil for a pipe.
    package let size: Int?
    /// Packed bytes that were read.
    package private(set) var packedBytes = 0

    private let descriptor: Int32
    private let decoder: (any StreamDecoder)?
    private let limits: Limits
    private var unpackedBytes = 0
    private var lineNumber = 0
    private var isAtEnd = false

    private let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 16)
    private var packedRange = 0..<0
    private let unpacked = UnsafeMutableRawBufferPointer.allocate(byteCount: 262_144, alignment: 16)
    private var unpackedRange = 0..<0

    /// - Parameter path: nil reads standard input.
    package init(path: String?, compression: Compression, limits: Limits) throws(LineFileError) {
        self.name = path ?? "standard input"
        self.limits = limits
        self.decoder =
            switch compression {
            case .none: nil
            case .gzip: GzipDecoder()
            case .zstd: ZstdDecoder()
            }
        if let path {
            self.descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard self.descriptor >= 0 else {
                self.size = nil
                throw .cannotOpen(file: path, reason: SystemError.last)
            }
        } else {
            self.descriptor = STDIN_FILENO
        }
        var status = stat()
        let isRegular = fstat(self.descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
        self.size = isRegular ? Int(status.st_size) : nil
    }

    deinit {
        if self.descriptor > STDIN_FILENO { close(self.descriptor) }
        self.packed.deallocate()
        self.unpacked.deallocate()
    }

    /// The next line; nil at the end of the file.
    package func next() throws(LineFileError) -> Line? {
        var bytes: [UInt8] = []
        var isTooLong = false
        var isEmpty = true
        while true {
            if self.unpackedRange.isEmpty, try !self.fill() { break }
            let rest = UnsafeRawBufferPointer(rebasing: self.unpacked[self.unpackedRange])
            isEmpty = false
            let end = rest.baseAddress.flatMap { memchr($0, Int32(UInt8(ascii: "\n")), rest.count) }
            let length = end.map { UnsafeRawPointer($0) - (rest.baseAddress ?? UnsafeRawPointer($0)) } ?? rest.count
            if bytes.count + length > self.limits.lineBytesMax {
                isTooLong = true
                bytes = []
            } else if !isTooLong {
                bytes.append(contentsOf: rest[..<length])
            }
            self.unpackedRange = (self.unpackedRange.lowerBound + length)..<self.unpackedRange.upperBound
            if end != nil {
                self.unpackedRange = (self.unpackedRange.lowerBound + 1)..<self.unpackedRange.upperBound
                break
            }
        }
        guard !isEmpty else { return nil }
        self.lineNumber += 1
        return Line(number: self.lineNumber, bytes: bytes, isTooLong: isTooLong)
    }

    /// Whether the next line, or its beginning, is here already.
    package var hasBufferedBytes: Bool { !self.unpackedRange.isEmpty }

    // MARK: - Bytes

    /// Unpacks some more; false at the end.
    private func fill() throws(LineFileError) -> Bool {
        guard let decoder = self.decoder else {
            let count = try self.read(into: self.unpacked)
            self.unpackedRange = 0..<count
            return count > 0
        }
        while true {
            if self.packedRange.isEmpty, !self.isAtEnd {
                let count = try self.read(into: self.packed)
                self.packedRange = 0..<count
                self.isAtEnd = count == 0
            }
            let input = UnsafeRawBufferPointer(rebasing: self.packed[self.packedRange])
            let result: (consumed: Int, filled: Int)
            do throws(StreamCorruption) {
                result = try decoder.decode(input, into: self.unpacked)
            } catch {
                throw .corrupt(file: self.name, byte: self.position, line: self.lineNumber, reason: error.reason)
            }
            self.packedRange = (self.packedRange.lowerBound + result.consumed)..<self.packedRange.upperBound
            if result.filled > 0 {
                self.unpackedRange = 0..<result.filled
                try self.count(result.filled)
                return true
            }
            if self.isAtEnd, result.consumed == 0 {
                // An empty file is no packed one: even nothing has a header.
                guard decoder.isAtBoundary, self.packedBytes > 0 else {
                    throw .truncated(file: self.name, byte: self.position, line: self.lineNumber)
                }
                return false
            }
        }
    }

    /// The packed byte that is unpacked next.
    private var position: Int { self.packedBytes - self.packedRange.count }

    private func count(_ filled: Int) throws(LineFileError) {
        self.unpackedBytes += filled
        guard self.unpackedBytes > self.limits.expansionFree,
            self.unpackedBytes / self.limits.expansionMax > self.position
        else { return }
        throw .expandsTooMuch(
            file: self.name, byte: self.position, line: self.lineNumber, times: self.limits.expansionMax)
    }

    private func read(into buffer: UnsafeMutableRawBufferPointer) throws(LineFileError) -> Int {
        try self.wait()
        while true {
            let count = Glibc.read(self.descriptor, buffer.baseAddress, buffer.count)
            if count >= 0 {
                self.packedBytes += count
                return count
            }
            guard errno == EINTR else { throw .readFailed(file: self.name, reason: SystemError.last) }
        }
    }
}

extension LineReader {
    /// How often a task that waits for a silent pipe looks whether it was cancelled.
    private static let cancellationPollMilliseconds: Int32 = 200

    /// Waits until a pipe has something to read: a read that blocks could not be cancelled.
    private func wait() throws(LineFileError) {
        guard self.size == nil else { return }
        var descriptor = pollfd(fd: self.descriptor, events: Int16(POLLIN), revents: 0)
        while poll(&descriptor, 1, Self.cancellationPollMilliseconds) == 0 {
            if Task.isCancelled { throw .cancelled(file: self.name) }
        }
    }
}

/// What the last system call of this thread said.
enum SystemError {
    static var last: String { String(cString: strerror(errno)) }
}
