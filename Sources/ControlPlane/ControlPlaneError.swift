/// Why an operation was refused, in words that a client may read: never a text of the database.
package struct ControlPlaneError: Error, Hashable, Sendable {
    package enum Code: String, CaseIterable, Sendable {
        /// Malformed or inconsistent input.
        case badRequest = "BAD_REQUEST"
        /// No credential, or none that is valid.
        case unauthorized = "UNAUTHORIZED"
        /// Visible to the caller, but the role does not allow it.
        case forbidden = "FORBIDDEN"
        /// Does not exist, or not for this caller: the two look the same.
        case notFound = "NOT_FOUND"
        /// Taken, or the state of things forbids it.
        case conflict = "CONFLICT"
    }

    package let code: Code
    package let message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    package static func badRequest(_ message: String) -> ControlPlaneError { ControlPlaneError(.badRequest, message) }
    package static func forbidden(_ message: String) -> ControlPlaneError { ControlPlaneError(.forbidden, message) }
    package static func notFound(_ message: String) -> ControlPlaneError { ControlPlaneError(.notFound, message) }
    package static func conflict(_ message: String) -> ControlPlaneError { ControlPlaneError(.conflict, message) }

    /// One sentence for every reason: an attacker learns nothing from it.
    package static let unauthorized = ControlPlaneError(.unauthorized, "a valid credential is required")
}

extension ControlPlaneError: CustomStringConvertible {
    package var description: String { "\(self.code.rawValue): \(self.message)" }
}
