import ArgumentParser
import ControlPlane
import Foundation
import Nostr
import Serving

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
