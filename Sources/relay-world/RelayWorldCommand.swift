import ArgumentParser

/// The wrapper of the command line; what readings of NIPs note is `Nostr.Flag`.
typealias Flag = ArgumentParser.Flag

@main
struct RelayWorldCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "relay-world",
        abstract: "Relays and events for tests and demonstrations; loopback only.",
        subcommands: [ServeCommand.self, GenerateCommand.self, OracleCommand.self])
}
