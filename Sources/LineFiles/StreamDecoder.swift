import CZlib
import CZstd

/// Unpacks a stream piece by piece.
protocol StreamDecoder: AnyObject {
    /// Consumes bytes from the front of `input` and fills `output`; returns how many of each.
    ///
    /// Nothing consumed and nothing filled means that more input is needed.
    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(StreamCorruption) -> (consumed: Int, filled: Int)

    /// Whether the stream may end here: between two members or frames.
    var isAtBoundary: Bool { get }
}

/// What a decoder says of bytes that it cannot read.
struct StreamCorruption: Error {
    let reason: String
}

/// One or more members of RFC 1952, as `gzip`, `pigz` and `cat a.gz b.gz` write them.
final class GzipDecoder: StreamDecoder {
    /// zlib's state points back at its stream, which therefore must not move.
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private var hasEnded = true

    /// A window of 2^15 bytes, and the header of gzip rather than zlib's own.
    private static let windowBits: Int32 = 15 + 16

    init() {
        self.stream.initialize(to: z_stream())
        guard czlib_inflate_init2(self.stream, Self.windowBits) == Z_OK else {
            preconditionFailure("zlib needs a few kilobytes of memory")
        }
    }

    deinit {
        inflateEnd(self.stream)
        self.stream.deallocate()
    }

    var isAtBoundary: Bool { self.hasEnded }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(StreamCorruption) -> (consumed: Int, filled: Int) {
        guard !input.isEmpty || !self.hasEnded else { return (0, 0) }
        if self.hasEnded {
            // The next member begins.
            inflateReset(self.stream)
            self.hasEnded = false
        }
        // zlib reads from the pointer and never writes through it.
        self.stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        self.stream.pointee.avail_in = UInt32(input.count)
        self.stream.pointee.next_out = output.baseAddress?.assumingMemoryBound(to: UInt8.self)
        self.stream.pointee.avail_out = UInt32(output.count)
        let status = inflate(self.stream, Z_NO_FLUSH)
        let result = (
            input.count - Int(self.stream.pointee.avail_in), output.count - Int(self.stream.pointee.avail_out)
        )
        switch status {
        case Z_OK, Z_BUF_ERROR: return result
        case Z_STREAM_END:
            self.hasEnded = true
            return result
        default:
            let message = self.stream.pointee.msg.map { String(cString: $0) } ?? "error \(status)"
            throw StreamCorruption(reason: "gzip: \(message)")
        }
    }
}

/// One or more frames of RFC 8878.
final class ZstdDecoder: StreamDecoder {
    private let context: OpaquePointer
    private(set) var isAtBoundary = true

    /// 2^27 bytes, what `zstd` itself accepts without being asked: a frame may demand gigabytes otherwise.
    private static let windowLogMax: Int32 = 27

    init() {
        guard let context = ZSTD_createDCtx(),
            ZSTD_isError(ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, Self.windowLogMax)) == 0
        else { preconditionFailure("zstd needs a few kilobytes of memory") }
        self.context = context
    }

    deinit {
        ZSTD_freeDCtx(self.context)
    }

    func decode(
        _ input: UnsafeRawBufferPointer, into output: UnsafeMutableRawBufferPointer
    ) throws(StreamCorruption) -> (consumed: Int, filled: Int) {
        guard !input.isEmpty || !self.isAtBoundary else { return (0, 0) }
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var target = ZSTD_outBuffer(dst: output.baseAddress, size: output.count, pos: 0)
        let hint = ZSTD_decompressStream(self.context, &target, &source)
        if ZSTD_isError(hint) != 0 {
            throw StreamCorruption(reason: "zstd: " + String(cString: ZSTD_getErrorName(hint)))
        }
        self.isAtBoundary = hint == 0
        return (source.pos, target.pos)
    }
}
