import Ingest
import Nostr
import Serving
import Testing

@testable import nostr_ingest

struct ConfigurationFileTests {
    /// The problems of a file, as they are printed.
    private func problems(_ text: String) -> [String] {
        let file = ConfigurationFile(name: "f.yaml", text: text)
        return ConfigurationError(file.problems).problems.map(\.description)
    }

    @Test(arguments: [
        (
            "limits:\n  queueEventMax: 1\n",
            "f.yaml:2: limits.queueEventMax: unknown key; did you mean limits.queueEventsMax?"
        ),
        ("limit: {}\n", "f.yaml:1: limit: unknown key; did you mean limits?"),
        ("queueBytesMax: 1MiB\n", "f.yaml:1: queueBytesMax: unknown key; did you mean limits.queueBytesMax?"),
        ("xyzzy: 1\n", "f.yaml:1: xyzzy: unknown key"),
        ("limits: 3\n", "f.yaml:1: limits: limits must hold keys and values"),
        ("- a\n", "f.yaml:1: the file must hold keys and values"),
        ("log:\n  level: [info]\n", "f.yaml:2: log.level: expected a single value"),
        ("log:\n  level:\n", "f.yaml:2: log.level: has no value"),
        ("streams: none\n", "f.yaml:1: streams: expected a list"),
        (
            "database:\n  password: x\n",
            "f.yaml:2: database.password: passwords do not belong here: use a systemd credential, PGPASSFILE or a service file"
        ),
        ("log:\n  level: info\n  level: debug\n", "f.yaml:2: level: given twice"),
        ("log:\n\tlevel: info\n", "f.yaml:2: a tab: YAML is indented with spaces"),
        ("log: {level: info\n", "f.yaml:2: not YAML: did not find expected ',' or '}'"),
        (
            "relays:\n  primary: [https://a.example]\n",
            "f.yaml:2: relays.primary: 'https://a.example' is no relay: relays are addressed as wss://…"
        ),
        (
            "relays:\n  primary: [a.example]\n",
            "f.yaml:2: relays.primary: 'a.example' is no relay's URL: expected wss://host[:port][/path]"
        ),
        (
            "relays:\n  primary: [wss://a.example, WSS://A.example/]\n",
            "f.yaml:2: relays.primary: wss://a.example is given twice"
        ),
        (
            "relays:\n  primary: [wss://a.example]\n  fallback: [wss://a.example]\n",
            "f.yaml:3: relays.fallback: wss://a.example is given twice"
        ),
        (
            "relays:\n  primary:\n    - {url: wss://a.example, private: true}\n",
            "f.yaml:3: relays.primary: unknown key private of a relay; it has url and allowPrivate"
        ),
        (
            "relays:\n  primary:\n    - {url: wss://a.example, allowPrivate: yes please}\n",
            "f.yaml:3: relays.primary: allowPrivate is true or false"
        ),
        (
            "relays:\n  primary:\n    - {allowPrivate: true}\n",
            "f.yaml:3: relays.primary: expected a relay's URL, or its url and allowPrivate"
        ),
        (
            "communities:\n  bases: [https://a.example/]\n",
            "f.yaml:2: communities.bases: expected https://… without a slash at the end"
        ),
        ("streams: []\n", "f.yaml:1: streams: at least one stream is needed"),
        ("streams:\n  - {name: a}\n", "f.yaml:2: streams: stream a has no filter"),
        ("streams:\n  - {filter: {kinds: [1]}}\n", "f.yaml:2: streams: a stream without a name"),
        (
            "streams:\n  - {name: A b, filter: {kinds: [1]}}\n",
            "f.yaml:2: streams: 'A b' is no name of a stream: lower-case letters, digits and dashes, at most 64"
        ),
        ("streams:\n  - {name: a, filter: {}}\n", "f.yaml:2: streams: an empty filter asks for everything"),
        (
            "streams:\n  - name: a\n    filter:\n      kinds: [1]\n      since: 3\n",
            "f.yaml:5: streams: a stream's filter has no since: the ledger decides what is asked for"
        ),
        (
            "streams:\n  - name: a\n    filter: {kinds: [1], limit: 3}\n",
            "f.yaml:3: streams: a stream's filter has no limit: the ledger decides what is asked for"
        ),
        (
            "streams:\n  - name: a\n    filter: {kinds: [\"1\"]}\n",
            "f.yaml:3: streams: 'kinds' in a filter holds \"1\", which is no valid value"
        ),
        (
            "streams:\n  - name: a\n    filter: {kinds: [70000]}\n",
            "f.yaml:3: streams: 'kinds' in a filter holds 70000, which is no valid value"
        ),
        (
            "streams:\n  - name: a\n    filter: {kinds: []}\n",
            "f.yaml:3: streams: 'kinds' in a filter is a list of at least one value"
        ),
        (
            "streams:\n  - name: a\n    filter: {\"#tag\": [x]}\n",
            "f.yaml:3: streams: unknown member '#tag' in a filter"
        ),
        (
            "streams:\n  - name: a\n    filter: {kinds: [1], \"#a\": [x], \"#b\": [y], \"#c\": [z]}\n",
            "f.yaml:3: streams: 3 tag keys in a filter: several relays refuse more than 2; say allowManyTagKeys: true if yours do not"
        ),
        (
            "streams:\n  - {name: a, filter: {kinds: [1]}}\n  - {name: a, filter: {kinds: [2]}}\n",
            "f.yaml:3: streams: two streams are named a"
        ),
    ])
    func `a mistake is named with its line`(text: String, problem: String) {
        #expect(self.problems(text) == [problem])
    }

    @Test(arguments: [
        "ws://127.0.0.1:7777", "wss://10.1.2.3", "wss://[::1]:7777", "ws://localhost:7777", "wss://a.local",
        "wss://a.example:22", "wss://a.example:5432",
    ])
    func `a private relay must be allowed by name`(url: String) {
        let plain = self.problems("relays:\n  primary: [\"\(url)\"]\n")
        #expect(plain.count == 1 && plain[0].contains("allowPrivate"), "\(plain)")
        #expect(self.problems("relays:\n  primary: [{url: \"\(url)\", allowPrivate: true}]\n") == [])
    }

    @Test func `all mistakes are named at once`() {
        let problems = self.problems(
            """
            relays:
              primary: [https://a.example, wss://b.example, wss://b.example]
              fallbak: []
            limits:
              queueEventMax: 100
            streams:
              - name: Bad
                filter: {kinds: [x], since: 1}
            """)
        #expect(problems.count == 7)
    }

    @Test func `an empty file says nothing`() {
        for text in ["", "# only a comment\n", "---\n"] { #expect(self.problems(text) == []) }
    }

    @Test func `tag values need no quotes and many tag keys can be allowed`() throws {
        let file = ConfigurationFile(
            name: "f",
            text:
                "streams:\n  - name: a\n    allowManyTagKeys: true\n    filter: {\"#k\": [1111], \"#t\": [x], \"#p\": [y]}\n"
        )
        #expect(file.problems == [])
        #expect(file.streams?.first?.filter.tags.map(\.values) == [["1111"], ["x"], ["y"]])
    }
}
