import CZlib
import CZstd

/// Packs a stream piece by piece.
protocol StreamEncoder: AnyObject {
    /// Packs all of `input`, handing every packed piece to `emit`; with `isLast` the stream is ended.
    func encode(
        _ input: UnsafeRawBufferPointer, isLast: Bool,
        _ emit: (UnsafeRawBufferPointer) throws(LineFileError) -> Void
    ) throws(LineFileError)
}

/// What encoders write into before they hand it on.
private let pieceBytes = 65_536

/// One member of RFC 1952.
final class GzipEncoder: StreamEncoder {
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)

    init() {
        self.stream.initialize(to: z_stream())
        guard czlib_deflate_init2(self.stream, Z_DEFAULT_COMPRESSION, 15 + 16, 8) == Z_OK else {
            preconditionFailure("zlib needs a few hundred kilobytes of memory")
        }
    }

    deinit {
        deflateEnd(self.stream)
        self.stream.deallocate()
        self.piece.deallocate()
    }

    func encode(
        _ input: UnsafeRawBufferPointer, isLast: Bool,
        _ emit: (UnsafeRawBufferPointer) throws(LineFileError) -> Void
    ) throws(LineFileError) {
        // zlib reads from the pointer and never writes through it.
        self.stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress?.assumingMemoryBound(to: UInt8.self))
        self.stream.pointee.avail_in = UInt32(input.count)
        repeat {
            self.stream.pointee.next_out = self.piece.baseAddress?.assumingMemoryBound(to: UInt8.self)
            self.stream.pointee.avail_out = UInt32(self.piece.count)
            let status = deflate(self.stream, isLast ? Z_FINISH : Z_NO_FLUSH)
            precondition(status != Z_STREAM_ERROR, "zlib's state is broken")
            let filled = self.piece.count - Int(self.stream.pointee.avail_out)
            if filled > 0 { try emit(UnsafeRawBufferPointer(rebasing: self.piece[..<filled])) }
            // A piece that was not filled is the last one.
        } while self.stream.pointee.avail_out == 0
    }
}

/// One frame of RFC 8878, with a checksum.
final class ZstdEncoder: StreamEncoder {
    private let context: OpaquePointer
    private let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)

    init() {
        guard let context = ZSTD_createCCtx(),
            ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)) == 0
        else { preconditionFailure("zstd needs a few hundred kilobytes of memory") }
        self.context = context
    }

    deinit {
        ZSTD_freeCCtx(self.context)
        self.piece.deallocate()
    }

    func encode(
        _ input: UnsafeRawBufferPointer, isLast: Bool,
        _ emit: (UnsafeRawBufferPointer) throws(LineFileError) -> Void
    ) throws(LineFileError) {
        var source = ZSTD_inBuffer(src: input.baseAddress, size: input.count, pos: 0)
        var isDone = false
        while !isDone {
            var target = ZSTD_outBuffer(dst: self.piece.baseAddress, size: self.piece.count, pos: 0)
            let left = ZSTD_compressStream2(self.context, &target, &source, isLast ? ZSTD_e_end : ZSTD_e_continue)
            precondition(ZSTD_isError(left) == 0, "zstd's state is broken")
            if target.pos > 0 { try emit(UnsafeRawBufferPointer(rebasing: self.piece[..<target.pos])) }
            isDone = isLast ? left == 0 : source.pos == source.size
        }
    }
}
