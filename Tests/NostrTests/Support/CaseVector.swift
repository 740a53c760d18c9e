import Nostr
import Testing

/// A row of a case file: an event that nobody signed and what its reader must make of it (nips.md 8.2).
struct CaseVector: Sendable, CustomTestStringConvertible {
    let id: String
    let note: String
    let row: ReferenceJSON

    var testDescription: String { "\(self.id) \(self.note)" }
    var context: ReferenceJSON? { self.row["context"] }

    static func all(in file: String) -> [CaseVector] {
        VectorFile.rows(file).compactMap { row in
            row["id"]?.text.map { CaseVector(id: $0, note: row["note"]?.text ?? "", row: row) }
        }
    }

    func event() throws -> Event {
        let kind = try #require(self.row["kind"]?.integer.flatMap { UInt16(exactly: $0) })
        let tags = try #require(self.row["tags"]).elements.map { $0.elements.compactMap(\.text) }
        return try Event.unsigned(
            kind: kind, tags: tags, content: self.row["content"]?.text ?? "",
            pubkey: self.row["pubkey"]?.text.flatMap { PublicKey(hex: $0) } ?? .sample)
    }

    /// Checks that `found` has the members of `expected` and their values, byte by byte, and no others.
    func expect(_ found: [String: ReferenceJSON]) throws {
        try CaseVector.expect(found, equals: #require(self.row["expected"]), in: self.testDescription)
    }

    static func expect(_ found: [String: ReferenceJSON], equals expected: ReferenceJSON, in name: String) throws {
        guard case .object(let members) = expected else {
            Issue.record("\(name) expects no object")
            return
        }
        let names = members.map { String(decoding: $0.name, as: UTF8.self) }
        #expect(Set(names) == Set(found.keys), "\(name)")
        for (member, value) in zip(names, members.map(\.value)) {
            let result = found[member] ?? .null
            #expect(
                result == value,
                "\(name): \(member) is \(result.described), not \(value.described)")
        }
    }
}

/// Values in the form in which case files state them.
extension ReferenceJSON {
    static func text(_ text: String?) -> ReferenceJSON { text.map { .string(Array($0.utf8)) } ?? .null }
    static func text(_ text: WireText?) -> ReferenceJSON { text.map { .string($0.bytes) } ?? .null }
    static func integer(_ value: (some BinaryInteger)?) -> ReferenceJSON {
        value.map { .number(Array(String($0).utf8)) } ?? .null
    }
    static func bool(orNull value: Bool?) -> ReferenceJSON { value.map(ReferenceJSON.bool) ?? .null }
    static func flags(_ flags: Flags) -> ReferenceJSON { .array(flags.names.map(ReferenceJSON.text)) }

    static func address(_ address: EventAddress?) -> ReferenceJSON {
        guard let address else { return .null }
        return .fields([
            ("kind", .integer(address.kind.rawValue)), ("pubkey", .text(address.pubkey.description)),
            ("d", .text(address.identifier)),
        ])
    }

    static func external(_ id: ExternalID?) -> ReferenceJSON {
        guard let id else { return .null }
        return .fields([
            ("type", .text(id.type.rawValue)), ("canonical", .text(id.canonical)), ("raw", .text(id.raw)),
        ])
    }

    static func fields(_ members: [(String, ReferenceJSON)]) -> ReferenceJSON {
        .object(members.map { Member(name: Array($0.0.utf8), value: $0.1) })
    }

    var described: String { String(decoding: self.stringified, as: UTF8.self) }
}
