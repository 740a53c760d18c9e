import Nostr

/// The steps of nips.md 1 that need neither a subscription nor a database, in their order.
struct Pipeline {
    enum Verdict: Equatable, CustomStringConvertible {
        case accepted(EventID)
        case rejected(EventRejection, isQuarantined: Bool)

        var description: String {
            switch self {
            case .accepted(let id): "accept \(id)"
            case .rejected(let reason, let isQuarantined):
                "reject \(reason.rawValue)\(isQuarantined ? ", quarantined" : "")"
            }
        }
    }

    static let keys = PublicKeyCache(capacity: 4_096)

    /// What becomes of one event in JSON at the time `now`.
    static func verdict(on json: [UInt8], now: Int64) -> Verdict {
        do {
            return .accepted(try self.accepted(json, now: Timestamp(now)).event.id)
        } catch {
            return .rejected(error, isQuarantined: error.isQuarantined)
        }
    }

    private static func accepted(_ json: [UInt8], now: Timestamp) throws(EventRejection) -> VerifiedEvent {
        let event = try Event(parsing: json.span)
        if event.kind.kindClass == .ephemeral { throw .ephemeral }
        if EventGate.isNeverStored(event.kind) { throw .policy }
        let verified = try EventVerifier(keys: self.keys).verify(event)
        if let reason = EventGate.rejection(of: verified.event, now: now) { throw reason }
        return verified
    }
}

/// The reason that `body` throws, if it throws one.
func rejection(_ body: () throws(EventRejection) -> Void) -> EventRejection? {
    do throws(EventRejection) {
        try body()
        return nil
    } catch {
        return error
    }
}

extension Event {
    /// A span may not outlive the array that it looks into; a parameter lives long enough.
    init(json bytes: [UInt8], limits: EventLimits = EventLimits()) throws(EventRejection) {
        try self.init(parsing: bytes.span, limits: limits)
    }

    /// An event that nobody signed.
    static func unsigned(
        kind: UInt16 = 1, tags: [[String]] = [], content: String = "", createdAt: Int64 = 1_700_000_000,
        pubkey: PublicKey = .sample, id: EventID = .sample
    ) throws -> Event {
        let body = Body(
            pubkey: pubkey, createdAt: Timestamp(createdAt), kind: Kind(kind), tags: tags, content: content)
        let zero = Bytes32(0, 0, 0, 0)
        return try Event(body, id: id, sig: Signature(r: zero, s: zero))
    }
}

extension PublicKey {
    static let sample = PublicKey(Bytes32(0xF930_8A01_9258_C310, 0x4934_4F85_F89D_5229, 0xB531_C845_836F_99B0, 1))
}

extension EventID {
    static let sample = EventID(Bytes32(0x1061_9858_430B_FA7D, 0xCB4B_0E11_665D_9958, 0x3DE6_0289_AC4C_4B38, 2))
}
