import ArgumentParser

@main
struct RelayWorldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay-world",
        abstract: "Relays and events for tests and demonstrations; loopback only.",
        subcommands: [ServeCommand.self, GenerateCommand.self, OracleCommand.self])
}
