import ArgumentParser
import ControlPlane
import Foundation

struct ProjectsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "projects", abstract: "Projects.", subcommands: [List.self], aliases: ["project"])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists projects, the last changed first.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Option(help: "Of this organization alone.") var organization: IDArgument?

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    try await self.output.printAll(Shapes.project) {
                        try await administration.listProjects(organization: self.organization?.id, page: $0)
                    }
                }
            }
        }
    }
}
