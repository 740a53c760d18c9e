import Glibc
import TestSupport
import Testing

@testable import Postgres

struct TransportSecurityTests {
    /// A cluster of its own on a loopback address of its own, with a certificate for db.test and a password.
    private static func withServer(_ body: (_ address: String, _ files: String) async throws -> Void) async throws {
        let directory = TestDirectory.make("tls")
        try await TestDirectory.copyTemplate(to: directory)
        let files = TestDirectory.make("tls-files")
        _ = Directory.create(files, mode: 0o711)
        try Self.makeCertificates(in: files)
        var status = stat()
        #expect(stat(directory + "/data", &status) == 0)
        chown(files + "/server.key", status.st_uid, status.st_gid)

        // 127.0.0.0/8 is all ours: processes at once do not meet.
        let pid = getpid()
        let address = "127.\(64 + pid >> 16 & 63).\(pid >> 8 & 255).\(pid & 255)"
        var options = TestDirectory.clusterOptions
        options.settings["listen_addresses"] = address
        options.settings["ssl"] = "on"
        options.settings["ssl_cert_file"] = files + "/server.crt"
        options.settings["ssl_key_file"] = files + "/server.key"
        let embedded = try await TestDirectory.startCluster(in: directory, options: options)
        let connection = try await PostgresConnection.open(embedded.configuration, logger: .silent)
        // Ours at every start is for the socket alone.
        let hba = "local all all peer map=embedded\nhostssl all all 127.0.0.0/8 scram-sha-256\n"
        _ = Directory.write(hba, to: directory + "/data/pg_hba.conf", mode: 0o644)
        chown(directory + "/data/pg_hba.conf", status.st_uid, status.st_gid)
        try await connection.run { try $0.executeScript("ALTER ROLE nostr PASSWORD 'canary'; SELECT pg_reload_conf()") }
        await connection.close()
        // The reload is a signal; until it arrives the old rules refuse us.
        let settings = "host=db.test hostaddr=\(address) user=nostr dbname=postgres sslmode=require"
        _ = await eventually {
            guard
                let probe = try? await PostgresConnection.open(
                    PostgresConfiguration(connectionString: settings, password: "canary"), logger: .silent)
            else { return false }
            await probe.close()
            return true
        }
        try await body(address, files)
        await embedded.stop()
    }

    /// A certificate authority, a second one that signed nothing, and a server's certificate for db.test.
    private static func makeCertificates(in files: String) throws {
        for name in ["ca", "other"] {
            try Self.openssl([
                "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-keyout",
                "\(files)/\(name).key", "-out", "\(files)/\(name).crt",
            ])
        }
        try Self.openssl([
            "req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=db.test", "-addext", "subjectAltName=DNS:db.test",
            "-keyout", "\(files)/server.key", "-out", "\(files)/server.csr",
        ])
        try Self.openssl([
            "x509", "-req", "-in", "\(files)/server.csr", "-CA", "\(files)/ca.crt", "-CAkey", "\(files)/ca.key",
            "-CAcreateserial", "-days", "2", "-copy_extensions", "copy", "-out", "\(files)/server.crt",
        ])
        chmod(files + "/server.crt", 0o644)
    }

    private static func openssl(_ arguments: [String]) throws {
        let outcome = ChildProcess.run(ChildProcess.Command("/usr/bin/openssl", arguments))
        try #require(outcome?.status == 0, "\(outcome?.output ?? "openssl cannot be run")")
    }

    @Test func `verify-full accepts the right root and name, and nothing else`() async throws {
        try await Self.withServer { address, files in
            func open(_ rest: String, password: String = "canary") async throws -> String? {
                let configuration = try PostgresConfiguration(
                    connectionString: "hostaddr=\(address) user=nostr dbname=postgres \(rest)", password: password)
                let connection = try await PostgresConnection.open(configuration, logger: .silent)
                let version = try await connection.text("SELECT version FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
                await connection.close()
                return version
            }
            let accepted = try await open("host=db.test sslmode=verify-full sslrootcert=\(files)/ca.crt")
            #expect(accepted?.hasPrefix("TLSv1") == true)
            for refused in [
                "host=db.test sslmode=verify-full sslrootcert=\(files)/other.crt",
                "host=db.test sslmode=verify-full sslrootcert=\(files)/missing.crt",
                "host=evil.test sslmode=verify-full sslrootcert=\(files)/ca.crt",
            ] {
                await #expect {
                    _ = try await open(refused)
                } throws: { error in
                    // No server has spoken: the certificate was refused by us.
                    (error as? PostgresError)?.category == .connection && (error as? PostgresError)?.sqlState == nil
                }
            }
            await #expect {
                _ = try await open("host=db.test sslmode=disable")
            } throws: { error in
                (error as? PostgresError)?.sqlState == "28000"
            }
            await #expect {
                _ = try await open("host=db.test sslmode=verify-full sslrootcert=\(files)/ca.crt", password: "wrong")
            } throws: { error in
                (error as? PostgresError)?.sqlState == "28P01" && (error as? PostgresError)?.category == .authentication
                    && !"\(error)".contains("wrong")
            }
        }
    }
}
