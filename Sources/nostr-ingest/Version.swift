import NostrCache

/// What this program is.
enum Version {
    static let release = "0.1.0"

    static var swift: String {
        #if compiler(>=6.4)
            "6.4 or newer"
        #elseif compiler(>=6.3)
            "6.3"
        #else
            "6.2"
        #endif
    }

    static var schema: Int { NostrSchema.migrations.count }
}
