import ArgumentParser
import FoundationEssentials
import Nostr
import RelayWorld

struct OracleCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "oracle",
        abstract: "Print, as JSON, what a complete cache of a world must hold.")

    @OptionGroup var world: WorldOptions

    @Option(help: "The moment at which all events are received, in Unix seconds; the present if absent.")
    var now: Int64?

    @Option(help: "Only events of these kinds; may be given several times.")
    var kind: [UInt16] = []

    @Flag(help: "Counts only, without the ids.")
    var countsOnly = false

    @Flag(help: "Kinds 5 and 62 have no effect on other events.")
    var ignoreDeletions = false

    func run() throws {
        let now = self.now ?? Int64(Date().timeIntervalSince1970)
        var oracle = SupersessionOracle(now: Timestamp(now))
        oracle.appliesDeletions = !self.ignoreDeletions
        let kinds = Set(self.kind.map(Kind.init(_:)))
        let events = try self.world.load().filter { kinds.isEmpty || kinds.contains($0.kind) }
        let state = oracle.state(after: events)
        var byKind: [Kind: Int] = [:]
        for event in state.held { byKind[event.kind, default: 0] += 1 }
        func number(_ value: Int) -> JSONValue { .number(String(value)) }
        let absent = state.absent.sorted { $0.key < $1.key }
        let held = byKind.sorted { $0.key < $1.key }
        var members: [JSONValue.Member] = [
            .init(name: "now", value: .number(String(now))),
            .init(name: "received", value: number(events.count)),
            .init(name: "held", value: number(state.held.count)),
            .init(name: "absent", value: .object(absent.map { .init(name: $0.key.rawValue, value: number($0.value)) })),
            .init(name: "kinds", value: .object(held.map { .init(name: "\($0.key)", value: number($0.value)) })),
        ]
        if !self.countsOnly {
            members.append(.init(name: "ids", value: .array(state.ids.map { .string("\($0)") })))
        }
        StandardOutput.write(line: JSONValue.object(members).text)
    }
}
