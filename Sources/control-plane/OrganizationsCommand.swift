import ArgumentParser
import ControlPlane
import Foundation

struct OrganizationsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "orgs", abstract: "Organizations.", subcommands: [List.self, Members.self, Update.self],
        aliases: ["organizations"])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists every organization, newest first.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    try await self.output.printAll(Shapes.organization) {
                        try await administration.listOrganizations(page: $0)
                    }
                }
            }
        }
    }

    struct Members: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the members, in the order in which they joined.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Argument(help: "The id of the organization.") var id: IDArgument

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    try await self.output.printAll(Shapes.member) {
                        try await administration.listMembers(of: self.id.id, page: $0)
                    }
                }
            }
        }
    }

    struct Update: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Sets what no request may set.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Argument(help: "The id of the organization.") var id: IDArgument
        @Option(help: "A word of lower-case letters, digits, - and _.") var plan: String?
        @Option(help: "The balance, not a difference.") var credits: Int?

        func validate() throws {
            if self.plan == nil, self.credits == nil { throw ValidationError("give --plan, --credits, or both") }
        }

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    let organization = try await administration.updateOrganization(
                        self.id.id, plan: self.plan, credits: self.credits)
                    self.output.print(organization, Shapes.organization)
                }
            }
        }
    }
}
