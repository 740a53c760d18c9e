import Foundation
package import NIOSSL

/// Certificates for one test run, made by the `openssl` program in a directory of their own.
package struct TestCertificates: Sendable {
    private let directory: URL

    /// The trust root that clients of these tests are given.
    package var caFile: String { self.path("ca.pem") }

    /// The same for every test: making keys takes a while.
    package static let shared = Result { try TestCertificates() }

    private init() throws {
        self.directory = FileManager.default.temporaryDirectory.appendingPathComponent("relay-certificates-\(UUID())")
        try FileManager.default.createDirectory(at: self.directory, withIntermediateDirectories: true)
        for authority in ["ca", "stranger"] {
            try self.makeSelfSigned(authority, subject: authority, isAuthority: true)
        }
        try self.makeSelfSigned("self-signed", subject: "localhost", isAuthority: false)
        try self.makeSigned("good", by: "ca", names: "DNS:localhost,IP:127.0.0.1,DNS:*.test")
        try self.makeSigned("wrong-name", by: "ca", names: "DNS:other.example")
        try self.makeSigned("expired", by: "ca", names: "DNS:localhost", days: -1)
        try self.makeSigned("unknown-ca", by: "stranger", names: "DNS:localhost")
        try self.makeSigned("intermediate", by: "ca", names: nil)
        try self.makeSigned("missing-intermediate", by: "intermediate", names: "DNS:localhost")
    }

    /// A server's context with that certificate and its key, and no chain.
    package func server(_ name: String, _ change: (inout TLSConfiguration) -> Void = { _ in }) throws -> NIOSSLContext {
        let certificate = try NIOSSLCertificate.fromPEMFile(self.path(name + ".pem")).map {
            NIOSSLCertificateSource.certificate($0)
        }
        let key = try NIOSSLPrivateKey(file: self.path(name + ".key"), format: .pem)
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: certificate, privateKey: .privateKey(key))
        change(&configuration)
        return try NIOSSLContext(configuration: configuration)
    }

    private func makeSelfSigned(_ name: String, subject: String, isAuthority: Bool) throws {
        try self.openssl(
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
                + ["-subj", "/CN=" + subject, "-keyout", name + ".key", "-out", name + ".pem"]
                + (isAuthority ? [] : ["-addext", "subjectAltName=DNS:localhost"]))
    }

    /// - Parameter names: nil makes an authority.
    private func makeSigned(_ name: String, by authority: String, names: String?, days: Int = 2) throws {
        let extensions = names.map { "subjectAltName=" + $0 } ?? "basicConstraints=critical,CA:TRUE"
        try Data(extensions.utf8).write(to: self.directory.appendingPathComponent(name + ".cnf"))
        try self.openssl([
            "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=" + name,
            "-keyout", name + ".key", "-out", name + ".csr",
        ])
        try self.openssl([
            "x509", "-req", "-in", name + ".csr", "-CA", authority + ".pem", "-CAkey", authority + ".key",
            "-CAcreateserial", "-days", String(days), "-extfile", name + ".cnf", "-out", name + ".pem",
        ])
    }

    private func path(_ file: String) -> String { self.directory.appendingPathComponent(file).path }

    private func openssl(_ arguments: [String]) throws {
        struct Failed: Error { let command: String }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.currentDirectoryURL = self.directory
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw Failed(command: arguments.joined(separator: " ")) }
    }
}
