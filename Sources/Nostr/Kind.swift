/// The kind of an event: 0 … 65535 (NIP-01).
package struct Kind: Hashable, Comparable, Sendable, RawRepresentable {
    package let rawValue: UInt16

    package init(rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package init(_ rawValue: UInt16) {
        self.rawValue = rawValue
    }

    package static let profile = Kind(0)
    package static let note = Kind(1)
    package static let contacts = Kind(3)
    package static let deletionRequest = Kind(5)
    package static let repost = Kind(6)
    package static let reaction = Kind(7)
    package static let genericRepost = Kind(16)
    package static let externalReaction = Kind(17)
    package static let vanishRequest = Kind(62)
    package static let giftWrap = Kind(1059)
    package static let comment = Kind(1111)
    package static let voiceComment = Kind(1244)
    package static let report = Kind(1984)
    package static let label = Kind(1985)
    package static let communityApproval = Kind(4550)
    package static let zapRequest = Kind(9734)
    package static let zapReceipt = Kind(9735)
    package static let relayList = Kind(10002)
    package static let authentication = Kind(22242)
    package static let article = Kind(30023)
    package static let community = Kind(34550)

    package static func < (left: Kind, right: Kind) -> Bool { left.rawValue < right.rawValue }
}

extension Kind: CustomStringConvertible {
    package var description: String { String(self.rawValue) }
}

extension Kind {
    /// What a relay is expected to keep of a kind (NIP-01).
    package enum Class: Sendable {
        /// Every event is kept. Also what NIP-01 leaves open: 45–999 and 40000–65535.
        case regular
        /// Only the newest of each (pubkey, kind) is kept.
        case replaceable
        /// Nothing is kept.
        case ephemeral
        /// Only the newest of each (pubkey, kind, first `d` value) is kept.
        case addressable
    }

    package var kindClass: Class {
        switch self.rawValue {
        case 0, 3, 10_000..<20_000: .replaceable
        case 20_000..<30_000: .ephemeral
        case 30_000..<40_000: .addressable
        default: .regular
        }
    }
    /// Whether only the newest of several events is kept.
    package var hasVersions: Bool {
        switch self.kindClass {
        case .replaceable, .addressable: true
        case .regular, .ephemeral: false
        }
    }
}
