package import ArgumentParser
import Postgres

/// What the process ends with (operations.md section 4; sysexits.h).
package enum ProcessStatus: Int32, Sendable {
    case success = 0
    /// A check found problems, or something is missing.
    case incomplete = 1
    /// `health`: fail or unreachable.
    case unhealthy = 2
    case usage = 64
    case badInput = 65
    case unavailable = 69
    /// Our bug.
    case software = 70
    case cannotCreate = 73
    case inputOutput = 74
    case tryAgain = 75
    case noPermission = 77
    case configuration = 78

    /// Of a command that a signal stopped.
    package static let interrupted: Int32 = 130
    package static let terminated: Int32 = 143
}

/// Why a command ends, in a sentence for the operator.
package struct CommandFailure: Error, CustomStringConvertible {
    package let status: ProcessStatus
    package let message: String

    package init(_ status: ProcessStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    package var description: String { self.message }

    /// What an error of the layers below means for the process.
    package init(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as ConfigurationError: self.init(.configuration, error.description)
        case let error as PostgresError: self.init(Self.status(of: error), "database: \(error)")
        case let error as MigrationError: self.init(Self.status(of: error), error.description)
        case let error as EmbeddedPostgresError: self.init(Self.status(of: error), error.description)
        case let error as AdvisoryLockError: self.init(.tryAgain, error.description)
        case is CancellationError: self.init(.tryAgain, "cancelled")
        default: self.init(.software, "\(error)")
        }
    }

    private static func status(of error: PostgresError) -> ProcessStatus {
        switch error.category {
        case .connection, .transient, .resource, .readOnly, .staleStatement: .unavailable
        case .authentication: .noPermission
        case .schemaOrRights: error.sqlState == "42501" ? .noPermission : .configuration
        case .corruption: .inputOutput
        case .data, .ourBug: .software
        }
    }

    private static func status(of error: MigrationError) -> ProcessStatus {
        switch error {
        case .databaseNewer, .gap, .reordered, .changed, .unknownVersion, .baselineOfKnown, .baselineDiffers:
            .configuration
        case .lockHeld, .tablesLocked: .tryAgain
        case .failed(_, _, _, let error): error.isTransient ? .unavailable : .configuration
        case .listNotConsecutive, .transactionEnded: .software
        }
    }

    private static func status(of error: EmbeddedPostgresError) -> ProcessStatus {
        switch error {
        case .programsNotFound, .startFailed: .unavailable
        case .versionMismatch, .socketPathTooLong: .configuration
        case .noUnprivilegedUser: .noPermission
        case .directoryUnusable, .initializationFailed: .cannotCreate
        case .alreadyInUse, .startTimedOut: .tryAgain
        }
    }
}

extension ParsableCommand {
    /// Runs the body of a command of `program`; what it throws becomes a sentence on standard error and the exit status that belongs to it.
    package func perform(as program: ProgramName, _ body: () async throws -> Void) async throws {
        do {
            try await body()
        } catch let code as ExitCode {
            throw code
        } catch let error as ValidationError {
            // The parser says it with the usage, and ends with 64.
            throw error
        } catch {
            let failure = CommandFailure(error)
            Terminal.error("\(program.text): \(failure.message)")
            throw ExitCode(failure.status.rawValue)
        }
    }
}
