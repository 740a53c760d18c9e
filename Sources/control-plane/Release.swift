import ControlPlane

/// What this program is.
enum Release {
    static let version = "0.1.0"
    /// The newest migration of the line `control`.
    static var schema: Int { ControlSchema.migrations.count }
}
