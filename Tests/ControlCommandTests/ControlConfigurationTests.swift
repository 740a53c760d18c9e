import Foundation
import Serving
import TestSupport
import Testing

@testable import control_plane

struct ControlConfigurationTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let shipped = root.appending(path: "config/control-plane.yaml").path

    private func load(
        _ text: String? = nil, environment: [String: String] = [:],
        flags: [String: (option: String, value: String)] = [:]
    ) throws -> LoadedControl {
        let path = NSTemporaryDirectory() + "control-plane-\(UUID()).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try text?.write(toFile: path, atomically: true, encoding: .utf8)
        return try ControlLoader(
            file: text == nil ? nil : path, flags: flags, environment: environment, defaultFile: "/nonexistent"
        ).load()
    }

    private func problems(_ text: String? = nil, environment: [String: String] = [:]) -> [String] {
        do {
            _ = try self.load(text, environment: environment)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { $0.key.isEmpty ? $0.reason : "\($0.key): \($0.reason)" }
        } catch {
            return ["\(error)"]
        }
    }

    @Test func `the shipped file says the defaults, every key once`() throws {
        let text = try String(contentsOfFile: Self.shipped, encoding: .utf8)
        #expect(try self.load(text).configuration == ControlConfiguration())
        #expect(try self.load().configuration == ControlConfiguration())
        let tree = ConfigurationTree(name: "f", text: text, keys: ControlLoader.keys)
        #expect(Set(tree.scalars.keys) == Set(ControlSettings.all.map(\.key)))
        for setting in ControlSettings.all {
            #expect(tree.scalars[setting.key]?.text == setting.show(ControlConfiguration()), "\(setting.key)")
        }
    }

    @Test func `every key has the variable that the library looks for`() throws {
        let others = [
            "auth.jwks": "/k", "auth.issuer": "i", "auth.audience": "a", "api.corsOrigins": "https://a.example",
            "operators": "usr_1", "database.url": "postgresql:///a", "database.schema": "s",
        ]
        let auth = ["AUTH_JWKS": "/k", "AUTH_ISSUER": "i", "AUTH_AUDIENCE": "a"].map { ("CONTROL_PLANE_" + $0, $1) }
        for setting in ControlSettings.all {
            let variable = ControlLoader.program.variable(setting.key)
            let value = others[setting.key] ?? setting.show(ControlConfiguration())
            let environment = [variable: value].merging(auth) { first, _ in first }
            #expect(try self.load(environment: environment).sources[setting.key] == variable)
        }
    }

    @Test func `flags win over the environment, the environment over the file`() throws {
        let file = "api:\n  listen: 127.0.0.1:1\n"
        let environment = ["CONTROL_PLANE_API_LISTEN": "127.0.0.1:2"]
        #expect(try self.load(file).configuration.api.listen.port == 1)
        #expect(try self.load(file, environment: environment).configuration.api.listen.port == 2)
        let flags = ["api.listen": (option: "--listen", value: "127.0.0.1:3")]
        #expect(try self.load(file, environment: environment, flags: flags).configuration.api.listen.port == 3)
    }

    @Test func `lists are separated by commas or spaces`() throws {
        let text = """
            operators: usr_1, usr_2
            auth: {issuer: i, audience: a, jwks: /k, algorithms: "ES256 EdDSA, ES256"}
            api: {corsOrigins: "https://a.example, http://localhost:3000", trustForwardedFor: true}

            """
        let configuration = try self.load(text).configuration
        #expect(configuration.operators == ["usr_1", "usr_2"])
        #expect(configuration.auth.algorithms == [.es256, .edDSA])
        #expect(configuration.api.corsOrigins == ["https://a.example", "http://localhost:3000"])
        #expect(configuration.api.trustsForwardedFor)
    }

    @Test(arguments: [
        ("api: {corsOrigins: \"*\"}", "api.corsOrigins: expected an origin such as https://app.example.com, found '*'"),
        (
            "api: {corsOrigins: https://a.example/}",
            "api.corsOrigins: expected an origin such as https://app.example.com, found 'https://a.example/'"
        ),
        ("api: {listen: off}", "api.listen: expected host:port, such as 127.0.0.1:9464 or [::1]:9464; found 'off'"),
        ("api: {trustForwardedFor: yes}", "api.trustForwardedFor: expected true or false, found 'yes'"),
        ("auth: {algorithms: HS256}", "auth.algorithms: expected some of EdDSA, ES256, RS256, found 'HS256'"),
        ("auth: {algorithms: none}", "auth.algorithms: expected some of EdDSA, ES256, RS256, found 'none'"),
        ("auth: {algorithms: \"\"}", "auth.algorithms: at least one algorithm is needed"),
        (
            "auth: {issuer: i, audience: a, jwks: \"http://auth.example/jwks\"}",
            "auth.jwks: expected https://…, an absolute path, or http://… of this machine; found 'http://auth.example/jwks'"
        ),
        ("auth: {issuer: i, audience: a}", "auth.jwks: issuer, audience and jwks belong together: all or none"),
        ("database: {connections: 0}", "database.connections: 0 is out of range: 1 to 256"),
        (
            "database: {url: \"postgresql://u:p@h/d\"}",
            "database.url: passwords do not belong here: use a systemd credential"
        ),
        (
            "database: {password: x}",
            "database.password: passwords do not belong here: use a systemd credential, PGPASSFILE or a service file"
        ),
        ("health: {listen: 127.0.0.1:9465}", "health.listen: is the address of api.listen"),
        ("api: {lisen: x}", "api.lisen: unknown key; did you mean api.listen?"),
    ])
    func `a bad value is refused with its reason`(text: String, problem: String) {
        #expect(self.problems(text + "\n") == [problem])
    }

    @Test func `unknown variables of ours are refused, the other program's are not`() {
        let environment = ["CONTROL_PLANE_API_LISTN": "x", "NOSTR_INGEST_HEALTH_LISTEN": "y"]
        #expect(
            self.problems(environment: environment)
                == ["unknown variable; did you mean CONTROL_PLANE_API_LISTEN?"])
    }
}

struct ControlUnitTests {
    private static func unit(_ name: String) throws -> String {
        try String(
            contentsOf: ControlConfigurationTests.root.appending(path: "systemd/\(name).service"), encoding: .utf8)
    }

    private static func hardening(_ name: String) throws -> Substring {
        let text = try self.unit(name)
        let start = try #require(text.range(of: "NoNewPrivileges"))
        let end = try #require(text.range(of: "[Install]"))
        return text[start.lowerBound..<end.lowerBound]
    }

    @Test(arguments: ["control-plane", "control-plane-migrate"])
    func `the units are hardened like the daemon's`(name: String) throws {
        #expect(try Self.hardening(name) == Self.hardening("nostr-ingest"))
    }

    @Test func `the unit prevents restarts for exactly the codes that waiting cannot cure`() throws {
        let codes = [ProcessStatus.usage, .badInput, .noPermission, .configuration].map { String($0.rawValue) }
        #expect(try Self.unit("control-plane").contains("RestartPreventExitStatus=\(codes.joined(separator: " "))\n"))
    }
}
