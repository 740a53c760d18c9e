import ArgumentParser

/// The measurements of `make bench` that need our own code; `Tests/Bench/bench.py` drives them.
@main
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ingest-bench",
        abstract: "Measure the ingest.",
        discussion: "Every subcommand prints one JSON object. docs/performance.md says what the figures mean.",
        subcommands: [
            CorpusCommand.self, VerifyCommand.self, PeekCommand.self, ClusterCommand.self, PrepareCommand.self,
            IngestCommand.self,
        ])
}
