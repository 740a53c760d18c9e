/// The number under which the database knows a relay: `nostr_relays.relay_id`.
package struct RelayID: Hashable, Comparable, Sendable {
    package let rawValue: Int32

    package init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static func < (left: RelayID, right: RelayID) -> Bool { left.rawValue < right.rawValue }
}

extension RelayID: CustomStringConvertible {
    package var description: String { String(self.rawValue) }
}

/// The number of a named filter: `nostr_streams.stream_id`. Another filter under the same name has another number.
package struct StreamID: Hashable, Comparable, Sendable {
    package let rawValue: Int32

    package init(_ rawValue: Int32) {
        self.rawValue = rawValue
    }

    package static func < (left: StreamID, right: StreamID) -> Bool { left.rawValue < right.rawValue }
}

extension StreamID: CustomStringConvertible {
    package var description: String { String(self.rawValue) }
}
