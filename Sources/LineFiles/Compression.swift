/// How the bytes of a file are packed.
package enum Compression: String, CaseIterable, Sendable {
    case none
    /// RFC 1952.
    case gzip
    /// RFC 8878.
    case zstd

    /// By the file's ending: `.gz` and `.zst`, in any case; everything else is not packed.
    package init(path: String) {
        let ending = path.utf8.suffix(4).map { $0 | 0x20 }
        if ending.suffix(3).elementsEqual(".gz".utf8.map { $0 | 0x20 }) {
            self = .gzip
        } else if ending.elementsEqual(".zst".utf8.map { $0 | 0x20 }) {
            self = .zstd
        } else {
            self = .none
        }
    }
}
