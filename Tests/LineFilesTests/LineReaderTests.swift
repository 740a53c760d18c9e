import Foundation
import Testing

@testable import LineFiles

struct LineReaderTests {
    @Test(
        arguments: [
            ("", []), ("a", ["a"]), ("a\n", ["a"]), ("a\nb", ["a", "b"]), ("\n\n", ["", ""]),
            ("a\r\nb\n", ["a\r", "b"]),
        ] as [(String, [String])])
    func `a line feed ends a line, and the last line needs none`(text: String, expected: [String]) throws {
        try withTemporaryPath { path in
            try Data(text.utf8).write(to: URL(filePath: path))
            let found = try lines(of: path)
            #expect(found.map { String(decoding: $0.bytes, as: UTF8.self) } == expected)
            #expect(found.map(\.number) == Array(1...max(1, expected.count)).prefix(expected.count).map { $0 })
        }
    }

    @Test(arguments: Compression.allCases)
    func `a line of exactly the limit is read, a longer one is stepped over`(compression: Compression) throws {
        try withTemporaryPath { path in
            // Longer than every buffer on the way.
            var noise = Noise(1)
            let written = [noise.line(300_000), noise.line(300_001), noise.line(900_000), noise.line(5)]
            try write(written, to: path, compression)
            let found = try lines(of: path, compression, lineBytesMax: 300_000)
            #expect(found.map(\.isTooLong) == [false, true, true, false])
            #expect(found.map(\.bytes) == [written[0], [], [], written[3]])
            #expect(found.map(\.number) == [1, 2, 3, 4])
        }
    }

    @Test(
        arguments: [
            ("a.jsonl", .none), ("a.gz", .gzip), ("a.jsonl.GZ", .gzip), ("a.zst", .zstd), ("gz", .none),
            ("a.zs", .none),
        ] as [(String, Compression)])
    func `the ending names the format`(path: String, compression: Compression) {
        #expect(Compression(path: path) == compression)
    }

    @Test(arguments: [("gzip", ".gz"), ("zstd", ".zst")])
    func `what the usual program packed is read, also in several pieces`(program: String, ending: String) throws {
        try withTemporaryPath { plain in
            try Data("one\ntwo\n".utf8).write(to: URL(filePath: plain))
            let packed = try run(program, ["-c", plain])
            try withTemporaryPath(ending) { path in
                try (packed + packed).write(to: URL(filePath: path))
                let texts = try lines(of: path).map { String(decoding: $0.bytes, as: UTF8.self) }
                #expect(texts == ["one", "two", "one", "two"])
            }
        }
    }

    @Test(arguments: [Compression.gzip, .zstd])
    func `a file that was cut off anywhere says so and where`(compression: Compression) throws {
        try withTemporaryPath { path in
            var noise = Noise(2)
            try write((0..<20).map { _ in noise.line(100) }, to: path, compression)
            let whole = try Data(contentsOf: URL(filePath: path))
            for length in stride(from: 0, to: whole.count, by: 37) {
                try whole.prefix(length).write(to: URL(filePath: path))
                let error = #expect(throws: LineFileError.self) { try lines(of: path, compression) }
                guard case .truncated(let file, let byte, _) = error else {
                    Issue.record("\(length): \(String(describing: error))")
                    continue
                }
                #expect(file == path)
                #expect(byte == length)
            }
        }
    }

    @Test(arguments: [Compression.gzip, .zstd])
    func `no flipped bit goes unnoticed, nor does text that is not packed at all`(compression: Compression) throws {
        try withTemporaryPath { path in
            var noise = Noise(3)
            let written = (0..<50).map { _ in noise.line(100) }
            try write(written, to: path, compression)
            let whole = try Data(contentsOf: URL(filePath: path))
            // Behind the headers, whose optional fields mean nothing to the content.
            for position in stride(from: 12, to: whole.count, by: 41) {
                var broken = whole
                broken[position] ^= 0x10
                try broken.write(to: URL(filePath: path))
                let error = #expect(throws: LineFileError.self) { try lines(of: path, compression) }
                switch error {
                case .corrupt, .truncated: break
                default: Issue.record("\(position): \(String(describing: error))")
                }
            }
            try Data("not packed\n".utf8).write(to: URL(filePath: path))
            let error = #expect(throws: LineFileError.self) { try lines(of: path, compression) }
            guard case .corrupt(_, _, line: 0, _) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
        }
    }

    @Test(arguments: [Compression.gzip, .zstd])
    func `a decompression bomb is an error that names the place`(compression: Compression) throws {
        try withTemporaryPath { path in
            let writer = try LineWriter(path: path, compression: compression, replaces: false)
            let zeros = [UInt8](repeating: UInt8(ascii: "0"), count: 1 << 20)
            for _ in 0..<64 { try writer.write(zeros) }
            try writer.finish()
            let error = #expect(throws: LineFileError.self) { try lines(of: path, compression) }
            guard case .expandsTooMuch(_, _, let line, times: 200) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            // At the first look, not at the end.
            #expect((15...17).contains(line))
        }
    }

    @Test func `a file that is not there is named`() {
        #expect(
            throws: LineFileError.cannotOpen(file: "/nonexistent/x", reason: "No such file or directory")
        ) { try lines(of: "/nonexistent/x") }
    }
}
