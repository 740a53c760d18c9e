import Nostr
import Testing

/// A row of one of the files of readings: an event without signature, and what a reader must make of it.
struct ReadingVector: Sendable, CustomTestStringConvertible {
    let id: String
    let testDescription: String
    let event: Event
    let context: ReferenceJSON?
    let expected: ReferenceJSON

    static func all(_ name: String) -> [ReadingVector] {
        VectorFile.rows(name).compactMap { ReadingVector($0) }
    }

    private init?(_ row: ReferenceJSON) {
        guard let id = row["id"]?.text, let kind = row["kind"]?.integer, let expected = row["expected"] else {
            return nil
        }
        let tags = row["tags"]?.elements.map { $0.elements.compactMap(\.text) } ?? []
        let pubkey = row["pubkey"]?.text.flatMap(PublicKey.init(hex:)) ?? .sample
        guard
            let event = try? Event.unsigned(
                kind: UInt16(kind), tags: tags, content: row["content"]?.text ?? "", pubkey: pubkey)
        else { return nil }
        self.id = id
        self.testDescription = "\(id) \(row["note"]?.text ?? "")"
        self.event = event
        self.context = row["context"]
        self.expected = expected
    }
}

extension ReferenceJSON {
    static func text(_ text: String?) -> ReferenceJSON { text.map { .string(Array($0.utf8)) } ?? .null }

    static func text(_ text: WireText?) -> ReferenceJSON { text.map { .string($0.bytes) } ?? .null }

    static func hex(_ id: EventID?) -> ReferenceJSON { .text(id?.description) }

    static func hex(_ key: PublicKey?) -> ReferenceJSON { .text(key?.description) }

    static func kind(_ kind: Kind?) -> ReferenceJSON { kind.map { .number(Array($0.description.utf8)) } ?? .null }

    static func flags(_ flags: Flags) -> ReferenceJSON { .array(flags.names.map { .text($0) }) }

    static func members(_ members: KeyValuePairs<String, ReferenceJSON>) -> ReferenceJSON {
        .object(members.map { Member(name: Array($0.key.utf8), value: $0.value) })
    }

    static func address(_ address: EventAddress?) -> ReferenceJSON {
        guard let address else { return .null }
        return .members([
            "kind": .kind(address.kind), "pubkey": .hex(address.pubkey), "d": .text(address.identifier),
        ])
    }

    /// A target in the form of the files (nips.md 8.2), and what the reader knows beside it.
    static func target(_ target: Target?, with others: KeyValuePairs<String, ReferenceJSON> = [:]) -> ReferenceJSON {
        guard let target else { return .null }
        let ref =
            switch target {
            case .event: "event"
            case .address: "address"
            case .external: "external"
            }
        let external = target.external.map { id in
            ReferenceJSON.members([
                "type": .text(id.type.name), "canonical": .text(id.canonical), "raw": .text(id.raw),
            ])
        }
        let parts: KeyValuePairs<String, ReferenceJSON> = [
            "ref": .text(ref), "event_id": .hex(target.eventID), "address": .address(target.address),
            "ext": external ?? .null,
        ]
        return .object((Array(parts) + Array(others)).map { Member(name: Array($0.key.utf8), value: $0.value) })
    }
}
