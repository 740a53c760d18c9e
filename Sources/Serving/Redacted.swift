/// A value that no description, dump or log shows.
package struct Redacted<Value: Hashable & Sendable>: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    package let value: Value

    package init(_ value: Value) {
        self.value = value
    }

    package var description: String { "<redacted>" }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
