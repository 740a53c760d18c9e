import ArgumentParser
import ControlPlane
import Foundation

struct UsersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Users and service accounts.",
        subcommands: [Create.self, List.self, Show.self], aliases: ["user"])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a service account: a user that nobody signs in as, so that it can have tokens.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Option(help: "Must not be an id of the auth service, now or ever: give it a prefix of its own.") var userId:
            String
        @Option(help: "What it is.") var name: String

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    let user = try await administration.createServiceAccount(self.userId, name: self.name)
                    self.output.print(user, Shapes.user)
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists every user, by user id.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    try await self.output.printAll(Shapes.user) { try await administration.listUsers(page: $0) }
                }
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one user.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Argument(help: "The user id.") var userId: String

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    self.output.print(try await administration.user(self.userId), Shapes.user)
                }
            }
        }
    }
}
