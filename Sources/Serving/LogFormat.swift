/// How log lines look.
package enum LogFormat: String, CaseIterable, Sendable {
    /// Journal if that is where standard error goes, text on a terminal, else JSON.
    case auto
    case text
    case json
    /// Text behind the priority prefix that the journal understands.
    case journal
}
