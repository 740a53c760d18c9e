/// The name of a subscription on one connection: 1–64 characters (NIP-01).
///
/// Ours are fresh for every REQ and never used again: some relays ignore a request whose id they once closed.
package struct SubscriptionID: Hashable, Sendable, RawRepresentable {
    package let rawValue: String

    package init(rawValue: String) {
        self.rawValue = rawValue
    }
}

extension SubscriptionID: CustomStringConvertible {
    package var description: String { self.rawValue }
}
