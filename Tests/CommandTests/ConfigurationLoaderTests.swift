import Foundation
import Ingest
import Logging
import Nostr
import Serving
import Testing

@testable import nostr_ingest

struct ConfigurationLoaderTests {
    static let shipped = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: "config/nostr-ingest.yaml").path

    private func load(
        _ text: String? = nil, environment: [String: String] = [:], flags: ConfigurationFlags = ConfigurationFlags()
    ) throws -> LoadedConfiguration {
        var flags = flags
        let path = NSTemporaryDirectory() + "nostr-ingest-\(UUID()).yaml"
        defer { try? FileManager.default.removeItem(atPath: path) }
        if let text {
            try text.write(toFile: path, atomically: true, encoding: .utf8)
            flags.file = path
        }
        return try ConfigurationLoader(flags: flags, environment: environment, defaultFile: "/nonexistent").load()
    }

    /// What is wrong, without the place.
    private func problems(
        _ text: String? = nil, environment: [String: String] = [:], flags: ConfigurationFlags = ConfigurationFlags()
    ) -> [String] {
        do {
            _ = try self.load(text, environment: environment, flags: flags)
            return []
        } catch let error as ConfigurationError {
            return error.problems.map { $0.key.isEmpty ? $0.reason : "\($0.key): \($0.reason)" }
        } catch {
            return ["\(error)"]
        }
    }

    // MARK: The shipped file is the reference

    @Test func `the shipped file says the defaults`() throws {
        let loaded = try self.load(try String(contentsOfFile: Self.shipped, encoding: .utf8))
        #expect(loaded.configuration == DaemonConfiguration())
        #expect(try self.load().configuration == DaemonConfiguration())
    }

    @Test func `every key is in the shipped file`() throws {
        let file = ConfigurationFile(name: "f", text: try String(contentsOfFile: Self.shipped, encoding: .utf8))
        #expect(file.problems == [])
        for setting in DaemonSettings.all {
            #expect(file.scalars[setting.key]?.text == setting.show(DaemonConfiguration()), "\(setting.key)")
        }
        #expect(Set(file.scalars.keys) == Set(DaemonSettings.all.map(\.key)))
        #expect(file.relays.count == 2 && file.streams != nil && file.communityBases != nil && file.trustedKeys == [])
    }

    @Test func `every line of the shipped file has a comment or stands below one`() throws {
        let text = try String(contentsOfFile: Self.shipped, encoding: .utf8)
        #expect(text.split(separator: "\n").count { $0.drop { $0 == " " }.hasPrefix("#") } > 40)
        #expect(text.split(separator: "\n").allSatisfy { $0.count <= 120 })
    }

    // MARK: Precedence

    @Test func `flags win over the environment, the environment over the file, the file over defaults`() throws {
        let file = "health:\n  listen: 127.0.0.1:1\n  grace: 7s\nlog:\n  level: error\n"
        var flags = ConfigurationFlags()
        #expect(try self.load(file).configuration.health.listen?.port == 1)
        let environment = ["NOSTR_INGEST_HEALTH_LISTEN": "127.0.0.1:2", "NOSTR_INGEST_LOG_LEVEL": "debug"]
        #expect(try self.load(file, environment: environment).configuration.health.listen?.port == 2)
        flags.values["health.listen"] = ("--health-listen", "127.0.0.1:3")
        let loaded = try self.load(file, environment: environment, flags: flags)
        #expect(loaded.configuration.health.listen?.port == 3)
        #expect(loaded.configuration.health.grace == .seconds(7))
        #expect(loaded.configuration.log.level == .debug)
        #expect(loaded.configuration.health.relaysMin == 1)
        #expect(loaded.sources["health.listen"] == "--health-listen")
        #expect(loaded.sources["log.level"] == "NOSTR_INGEST_LOG_LEVEL")
        #expect(loaded.sources["health.grace"]?.hasSuffix(".yaml:3") ?? false)
        #expect(loaded.sources["health.relaysMin"] == nil)
    }

    @Test func `every key has the variable that the library looks for`() throws {
        for setting in DaemonSettings.all {
            let value = setting.key == "health.listen" ? "127.0.0.1:77" : setting.show(DaemonConfiguration())
            let loaded = try self.load(environment: [
                ConfigurationLoader.program.variable(setting.key): value.isEmpty ? "/x" : value
            ])
            #expect(loaded.sources[setting.key] == ConfigurationLoader.program.variable(setting.key))
        }
    }

    @Test func `DATABASE_URL keeps its name and yields to ours`() throws {
        let url = ["DATABASE_URL": "postgresql:///a"]
        #expect(try self.load(environment: url).configuration.database.url == "postgresql:///a")
        #expect(
            try self.load("database:\n  url: postgresql:///b\n", environment: url).configuration.database.url
                == "postgresql:///a")
        let both = url.merging(["NOSTR_INGEST_DATABASE_URL": "postgresql:///c"]) { $1 }
        #expect(try self.load(environment: both).configuration.database.url == "postgresql:///c")
    }

    @Test func `a password comes from the credentials and is never shown`() throws {
        let directory = NSTemporaryDirectory() + "credentials-\(UUID())"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let path = directory + "/database-password"
        #expect(
            FileManager.default.createFile(
                atPath: path, contents: Data("canary-7f3a\n".utf8), attributes: [.posixPermissions: 0o400]))
        let loaded = try self.load(environment: ["CREDENTIALS_DIRECTORY": directory])
        #expect(loaded.configuration.database.password?.value == "canary-7f3a")
        #expect(!"\(loaded)".contains("canary"))
        var dumped = ""
        dump(loaded, to: &dumped)
        #expect(!dumped.contains("canary"))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(
            self.problems(environment: ["CREDENTIALS_DIRECTORY": directory]) == [
                "a secret that everybody may read: chmod 0600"
            ])
    }

    @Test func `relays of the flags replace both lists, and only they may be private`() throws {
        var flags = ConfigurationFlags()
        flags.primary = ["ws://127.0.0.1:7777"]
        #expect(self.problems(flags: flags).count == 2)
        flags.allowPrivate = true
        let relays = try self.load(flags: flags).configuration.ingest.relays
        #expect(relays.map(\.url.description) == ["ws://127.0.0.1:7777"])
        #expect(relays[0].allowPrivateAddresses)
        #expect(
            self.problems(
                "relays:\n  primary: [\"ws://127.0.0.1:7777\"]\n",
                flags: {
                    var f = ConfigurationFlags(); f.allowPrivate = true; return f
                }()
            ).count == 1)
    }

    @Test func `relays of the environment are separated by commas`() throws {
        let environment = ["NOSTR_INGEST_RELAYS_PRIMARY": "wss://a.example, wss://b.example"]
        let configuration = try self.load(environment: environment).configuration
        #expect(configuration.ingest.relays.prefix(2).map(\.url.description) == ["wss://a.example", "wss://b.example"])
    }

    @Test func `community bases reach the ingest`() throws {
        let configuration = try self.load("communities:\n  bases: [https://forum.example]\n").configuration
        #expect(configuration.communityBases == ["https://forum.example"])
        #expect(configuration.ingest.communityBases != DaemonConfiguration().ingest.communityBases)
    }

    // MARK: Refusals

    @Test(arguments: [
        ("limits:\n  tagsMax: many\n", "limits.tagsMax: expected an integer, found 'many'"),
        ("limits:\n  tagsMax: -1\n", "limits.tagsMax: expected an integer, found '-1'"),
        ("limits:\n  tagsMax: 0\n", "limits.tagsMax: 0 is out of range: 1 to 1000000"),
        ("limits:\n  tagsMax: \"3\"\n", "limits.tagsMax: expected a number with its unit, found a text: no quotes"),
        ("limits:\n  batchBytesMax: 12\n", "limits.batchBytesMax: 12 is out of range: 64KiB to 256MiB"),
        (
            "limits:\n  batchBytesMax: 1MB\n",
            "limits.batchBytesMax: expected a size such as 64KiB or 16MiB, found '1MB'"
        ),
        (
            "follow:\n  lookback: 30\n",
            "follow.lookback: expected a duration with its unit, such as 500ms, 30s, 15m, 6h or 30d, found '30'"
        ),
        ("follow:\n  grace: 500ms\n", "follow.grace: expected whole seconds, found '500ms'"),
        ("health:\n  grace: 2d\n", "health.grace: 2d is out of range: 0s to 1d"),
        (
            "health:\n  listen: 9464\n",
            "health.listen: expected host:port, such as 127.0.0.1:9464 or [::1]:9464, or off; found '9464'"
        ),
        (
            "log:\n  level: loud\n",
            "log.level: expected one of trace, debug, info, notice, warning, error, critical, found 'loud'"
        ),
        ("log:\n  format: xml\n", "log.format: expected one of auto, text, json, journal, found 'xml'"),
        ("database:\n  stateDirectory: x\n", "database.stateDirectory: expected an absolute path, found 'x'"),
        (
            "database:\n  url: postgresql://u:secret@h/d\n",
            "database.url: passwords do not belong here: use a systemd credential"
        ),
        (
            "database:\n  url: host=h password=secret\n",
            "database.url: passwords do not belong here: use a systemd credential"
        ),
        ("follow:\n  windowMin: 10d\n", "follow.windowMin: must not exceed follow.windowFirst"),
        ("follow:\n  retryFirst: 1h\n", "follow.retryFirst: must not exceed follow.retryLimit"),
        ("connection:\n  pingInterval: 5m\n", "connection.pingInterval: must not exceed connection.silenceLimit"),
        ("limits:\n  eventBytesMax: 2MiB\n", "limits.eventBytesMax: must not exceed connection.messageBytesMax"),
        ("relays:\n  primary: []\n", "relays.primary: at least one primary relay is needed"),
    ])
    func `a bad value is refused with its reason`(text: String, problem: String) {
        #expect(self.problems(text) == [problem])
    }

    @Test func `no message repeats a password`() {
        let said = self.problems("database:\n  url: postgresql://u:canary@h/d\n").joined()
        #expect(!said.contains("canary"))
    }

    @Test func `unknown variables of ours are refused`() {
        #expect(
            self.problems(environment: ["NOSTR_INGEST_HEALTH_LISTN": "x", "OTHER": "y"])
                == ["unknown variable; did you mean NOSTR_INGEST_HEALTH_LISTEN?"])
    }

    @Test func `a named file must exist, the default one need not`() {
        var flags = ConfigurationFlags()
        flags.file = "/nonexistent/a.yaml"
        #expect(self.problems(flags: flags) == ["does not exist"])
        #expect(self.problems() == [])
        #expect(self.problems(environment: ["NOSTR_INGEST_CONFIG": "/nonexistent/b.yaml"]) == ["does not exist"])
    }

    @Test func `problems of all sources come together`() {
        var flags = ConfigurationFlags()
        flags.values["log.level"] = ("--log-level", "x")
        let problems = self.problems(
            "limits:\n  tagsMax: 0\n  nonsense: 1\n", environment: ["NOSTR_INGEST_HEALTH_GRACE": "y"], flags: flags)
        #expect(problems.count == 4)
    }

    @Test func `values are shown as they are written`() {
        for setting in DaemonSettings.all {
            var copy = DaemonConfiguration()
            #expect(throws: Never.self, "\(setting.key)") {
                try setting.apply(setting.show(DaemonConfiguration()), &copy)
            }
            #expect(copy == DaemonConfiguration(), "\(setting.key)")
        }
    }
}
