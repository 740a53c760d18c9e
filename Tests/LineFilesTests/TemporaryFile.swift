import Foundation
import Testing

@testable import LineFiles

/// A path that is free, and is freed again.
@discardableResult
func withTemporaryPath<Result>(_ ending: String = "", _ body: (String) throws -> Result) rethrows -> Result {
    let path = NSTemporaryDirectory() + "lines-\(UUID())" + ending
    defer {
        try? FileManager.default.removeItem(atPath: path)
        try? FileManager.default.removeItem(atPath: path + ".partial")
    }
    return try body(path)
}

func lines(of path: String, _ compression: Compression? = nil, lineBytesMax: Int = 1_000) throws -> [LineReader.Line] {
    let reader = try LineReader(
        path: path, compression: compression ?? Compression(path: path),
        limits: LineReader.Limits(lineBytesMax: lineBytesMax))
    var lines: [LineReader.Line] = []
    while let line = try reader.next() { lines.append(line) }
    return lines
}

func write(_ lines: [[UInt8]], to path: String, _ compression: Compression? = nil) throws {
    let writer = try LineWriter(
        path: path, compression: compression ?? Compression(path: path), replaces: false)
    for line in lines { try writer.write(line) }
    try writer.finish()
}

/// The program's output for this input.
func run(_ program: String, _ arguments: [String]) throws -> Data {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments = [program] + arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0, "\(program) \(arguments)")
    return data
}

/// Repeatable bytes without line feeds that do not compress.
struct Noise {
    private var state: UInt64

    init(_ seed: UInt64) { self.state = seed }

    mutating func line(_ count: Int) -> [UInt8] {
        (0..<count).map { _ in
            self.state = self.state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            let byte = UInt8(truncatingIfNeeded: self.state >> 56)
            return byte == UInt8(ascii: "\n") ? 0 : byte
        }
    }
}
