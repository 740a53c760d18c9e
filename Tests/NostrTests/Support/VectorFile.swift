import Foundation
import Nostr
import Testing

/// The protocol's test vectors, committed beside the tests; where they come from is in `Vectors/README.md`.
enum VectorFile {
    static func bytes(_ name: String) -> [UInt8] {
        guard let folder = Bundle.module.resourceURL,
            let data = try? Data(contentsOf: folder.appending(path: "Vectors/\(name)"))
        else { return [] }
        return [UInt8](data)
    }

    /// The rows of a JSON file; none where it cannot be read, which the tests of the number of rows notice.
    static func rows(_ name: String) -> [ReferenceJSON] {
        ReferenceJSON(self.bytes(name))?.elements ?? []
    }
}

/// A row of `nip01-events.json` or `nip01-wire.json`: an event and what must become of it.
struct EventVector: Sendable, CustomTestStringConvertible {
    let name: String
    let testDescription: String
    let wire: [UInt8]
    let canonical: [UInt8]?
    let isStringified: Bool
    let now: Int64
    let verdict: Pipeline.Verdict

    /// Signed events with the canonical bytes that their ids were computed over.
    static let events = VectorFile.rows("nip01-events.json").compactMap { EventVector($0) }
    /// Spellings of events on the wire.
    static let wires = VectorFile.rows("nip01-wire.json").compactMap { EventVector($0) }

    static func named(_ name: String) throws -> EventVector {
        try #require((self.events + self.wires).first { $0.name == name })
    }

    private init?(_ row: ReferenceJSON) {
        guard let name = row["name"]?.text, let now = row["now"]?.integer, let expected = row["expected"] else {
            return nil
        }
        let wire = row["wire"]?.bytes ?? row["wire_hex"]?.bytes.flatMap { Hex.bytes($0) } ?? row["event"]?.stringified
        guard let wire else { return nil }
        self.name = name
        self.testDescription = [row["case"]?.text, name].compactMap(\.self).joined(separator: " ")
        self.wire = wire
        self.canonical = row["canonical"]?.bytes
        self.isStringified = row["id_form"]?.text == "stringify"
        self.now = now
        if expected["verdict"]?.text == "accept" {
            let id = expected["event_id"]?.text ?? row["event"]?["id"]?.text ?? ""
            guard let id = EventID(hex: id) else { return nil }
            self.verdict = .accepted(id)
        } else {
            guard let reason = expected["reason"]?.text.flatMap(EventRejection.init(rawValue:)) else { return nil }
            self.verdict = .rejected(reason, isQuarantined: expected["quarantined"] == .bool(true))
        }
    }
}

/// A row of the vectors of BIP-340.
struct SignatureVector: Sendable, CustomTestStringConvertible {
    let index: Int
    let pubkey: [UInt8]
    let message: [UInt8]
    let sig: [UInt8]
    let isValid: Bool
    let comment: String

    var testDescription: String { "\(self.index) \(self.comment)" }

    static let all: [SignatureVector] = String(decoding: VectorFile.bytes("bip340-test-vectors.csv"), as: UTF8.self)
        .split(whereSeparator: \.isNewline).dropFirst().compactMap { SignatureVector(line: $0) }

    private init?(line: Substring) {
        let fields = line.split(separator: ",", maxSplits: 7, omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 8, let index = Int(fields[0]), let pubkey = Hex.bytes(fields[2].lowercased().utf8),
            let message = Hex.bytes(fields[4].lowercased().utf8), let sig = Hex.bytes(fields[5].lowercased().utf8)
        else { return nil }
        self.index = index
        self.pubkey = pubkey
        self.message = message
        self.sig = sig
        self.isValid = fields[6] == "TRUE"
        self.comment = fields[7].isEmpty ? (self.isValid ? "valid" : "invalid") : fields[7]
    }
}
