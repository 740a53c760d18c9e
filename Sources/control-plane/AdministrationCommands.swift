import ArgumentParser
import ControlPlane
import Foundation
import Nostr
import Serving

/// Rows for an operator: one a line, for people or as JSON.
struct RowOutput: ParsableArguments {
    @Flag(help: "JSON, one row a line.")
    var json = false

    func print<Row>(_ row: Row, _ shape: Shape<Row>) {
        guard !self.json else { return Terminal.output(shape.json(row).text) }
        let cells = shape.properties.map { "\($0.name)=\(Self.cell($0.value(row)))" }
        Terminal.output(cells.joined(separator: "  "))
    }

    /// All pages, as they come.
    func printAll<Row>(_ shape: Shape<Row>, _ fetch: (PageRequest) async throws -> Page<Row>) async throws {
        var cursor: String?
        repeat {
            let page = try await fetch(PageRequest(limit: InputLimits.pageRows.upperBound, cursor: cursor))
            for row in page.items { self.print(row, shape) }
            cursor = page.next?.text
        } while cursor != nil
    }

    private static func cell(_ value: JSONValue) -> String {
        switch value {
        case .null: "-"
        case .string(let text):
            text.isEmpty || text.contains(where: \.isWhitespace) ? value.text : Terminal.harmless(text)
        default: value.text
        }
    }
}

struct TokensCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tokens", abstract: "API tokens of users and service accounts.",
        subcommands: [Create.self, List.self, Revoke.self], aliases: ["token"])

    struct Create: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a token; its secret goes to standard output this once.",
            discussion: "The user must be there: 'control-plane users create' makes a service account.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Option(help: "Whose token it is.") var userId: String
        @Option(help: "What it is for.") var name: String
        @Option(
            help: ArgumentHelp("How long it is good, such as 90d or 12h; 'never'. Default: 90d.", valueName: "time"))
        var expiresIn: String?

        func run() async throws {
            try await self.perform {
                let expiry = try self.expiry
                try await self.options.withAdministration { administration in
                    let made = try await administration.createToken(of: self.userId, name: self.name, expires: expiry)
                    guard self.output.json else {
                        Terminal.output(made.secret.revealed)
                        Terminal.error("Token \(made.id.uuidString.lowercased()): keep it now, it is not shown again.")
                        return
                    }
                    Terminal.output(
                        JSONValue.object([
                            .init(name: "api_key", value: .string(made.secret.revealed)),
                            .init(name: "token", value: Shapes.token.json(made.token)),
                        ]).text)
                }
            }
        }

        private var expiry: TokenExpiry {
            get throws {
                guard let text = self.expiresIn else { return .usual }
                if text == "never" { return .never }
                guard let duration = DurationText.duration(text), duration >= .seconds(1) else {
                    throw ValidationError("--expires-in: expected a duration such as 90d or 12h, or never")
                }
                return .after(duration)
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the tokens of a user, newest first.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Option(help: "Whose tokens.") var userId: String

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    try await self.output.printAll(Shapes.token) {
                        try await administration.listTokens(of: self.userId, page: $0)
                    }
                }
            }
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Ends a token at once.")
        @OptionGroup var options: ConfigurationOptions
        @OptionGroup var output: RowOutput
        @Option(help: "Which one, as 'list' shows it.") var id: IDArgument

        func run() async throws {
            try await self.perform {
                try await self.options.withAdministration { administration in
                    self.output.print(try await administration.revokeToken(self.id.id), Shapes.token)
                }
            }
        }
    }
}

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

/// An id on the command line.
struct IDArgument: ExpressibleByArgument {
    let id: UUID

    init?(argument: String) {
        guard let id = UUID(uuidString: argument) else { return nil }
        self.id = id
    }
}
