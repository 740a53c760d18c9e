import Foundation
import Testing

@testable import LineFiles

struct LineWriterTests {
    @Test(arguments: Compression.allCases, [0, 1, 3_000])
    func `what is written is read again`(compression: Compression, count: Int) throws {
        try withTemporaryPath { path in
            var noise = Noise(UInt64(count))
            let written = (0..<count).map { noise.line($0 % 200) }
            try write(written, to: path, compression)
            #expect(try lines(of: path, compression).map(\.bytes) == written)
        }
    }

    @Test(arguments: [("gzip", ".gz"), ("zstd", ".zst")])
    func `the usual program unpacks what was packed`(program: String, ending: String) throws {
        try withTemporaryPath(ending) { path in
            try write([Array("one".utf8), Array("two".utf8)], to: path)
            #expect(try run(program, ["-dc", path]) == Data("one\ntwo\n".utf8))
        }
    }

    @Test func `a file appears when it is complete`() throws {
        try withTemporaryPath { path in
            var writer: LineWriter? = try LineWriter(path: path, compression: .none, replaces: false)
            try writer?.write(Array("one".utf8))
            #expect(!FileManager.default.fileExists(atPath: path))
            writer = nil
            #expect(!FileManager.default.fileExists(atPath: path))
            #expect(!FileManager.default.fileExists(atPath: path + ".partial"))
        }
    }

    @Test func `a file of somebody else's is not overwritten unasked`() throws {
        try withTemporaryPath { path in
            try Data("mine\n".utf8).write(to: URL(filePath: path))
            #expect(throws: LineFileError.exists(file: path)) { try write([], to: path) }
            let writer = try LineWriter(path: path, compression: .none, replaces: true)
            try writer.write(Array("new".utf8))
            try writer.finish()
            #expect(try lines(of: path).map(\.bytes) == [Array("new".utf8)])
        }
    }

    @Test func `a directory that is not there is named`() {
        #expect(
            throws: LineFileError.cannotCreate(file: "/nonexistent/x", reason: "No such file or directory")
        ) { try write([], to: "/nonexistent/x") }
    }
}
