import ArgumentParser
import Serving

/// The API of the control plane, its migrations, and the commands for its operator.
@main
struct ControlPlaneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "control-plane", abstract: "Teams, projects, chat, knowledge and API tokens over PostgreSQL.",
        discussion: """
            Data goes to standard output, messages to standard error. Secrets are never given as arguments.

            \(ExitText.environment)
            """,
        version: Release.version,
        subcommands: [
            ServeCommand.self, MigrateCommand.self, TokensCommand.self, UsersCommand.self, OrganizationsCommand.self,
            ProjectsCommand.self, CheckConfigCommand.self, VersionCommand.self,
        ])
}

struct VersionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "version", abstract: "Says what this program is.")

    @Flag(help: "One JSON document.")
    var json = false

    func run() async throws {
        Terminal.output(
            self.json
                ? "{\"version\":\"\(Release.version)\",\"schema\":\(Release.schema)}"
                : "control-plane \(Release.version) (schema \(Release.schema))")
    }
}
