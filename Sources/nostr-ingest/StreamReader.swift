import Ingest
import Nostr
import Serving
import Yams

/// Reads one stream of the file: a name and a NIP-01 filter.
struct StreamReader {
    private(set) var problems: [(line: Int, reason: String)] = []

    /// Several relays refuse filters with more.
    static let tagKeysMax = 2
    static let nameBytesMax = 64

    private mutating func refuse(_ node: Node, _ reason: String) {
        self.problems.append((ConfigurationTree.line(node), reason))
    }

    /// Nil when something is missing; problems are noted in any case.
    mutating func stream(_ node: Node) -> IngestConfiguration.Stream? {
        guard case .mapping(let mapping) = node else {
            self.refuse(node, "a stream has a name and a filter")
            return nil
        }
        var name: String?
        var filter: Node?
        var allowsManyTagKeys = false
        for (keyNode, value) in mapping {
            switch keyNode.string ?? "" {
            case "name": name = self.name(value)
            case "filter": filter = value
            case "allowManyTagKeys": allowsManyTagKeys = value.scalar?.string == "true"
            case let other:
                self.refuse(
                    keyNode, "unknown key \(other) of a stream; it has name, filter and allowManyTagKeys")
            }
        }
        if !mapping.contains(where: { $0.key.string == "name" }) { self.refuse(node, "a stream without a name") }
        guard let filter else {
            self.refuse(node, "stream \(name ?? "?") has no filter")
            return nil
        }
        guard let read = self.filter(filter, allowsManyTagKeys: allowsManyTagKeys), let name else { return nil }
        return IngestConfiguration.Stream(name: name, filter: read)
    }

    /// The form that the database accepts.
    private mutating func name(_ node: Node) -> String? {
        let text = node.scalar?.string ?? ""
        let isValid =
            (1...Self.nameBytesMax).contains(text.utf8.count) && text.utf8.first != UInt8(ascii: "-")
            && text.utf8.allSatisfy { byte in
                byte &- UInt8(ascii: "a") < 26 || byte &- UInt8(ascii: "0") < 10 || byte == UInt8(ascii: "-")
            }
        if isValid { return text }
        self.refuse(node, "'\(text)' is no name of a stream: lower-case letters, digits and dashes, at most 64")
        return nil
    }

    private mutating func filter(_ node: Node, allowsManyTagKeys: Bool) -> Filter? {
        guard case .mapping(let mapping) = node else {
            self.refuse(node, "a filter holds keys such as kinds, authors, \"#t\"")
            return nil
        }
        let problemsBefore = self.problems.count
        var members: [JSONValue.Member] = []
        for (keyNode, value) in mapping {
            let name = keyNode.string ?? ""
            guard !["since", "until", "limit"].contains(name) else {
                self.refuse(keyNode, "a stream's filter has no \(name): the ledger decides what is asked for")
                continue
            }
            let member = JSONValue.Member(name: name, value: self.json(value, isNumeric: name == "kinds"))
            do throws(Filter.Malformed) {
                _ = try Filter(.object([member]))
                members.append(member)
            } catch {
                self.refuse(keyNode, error.description)
            }
        }
        let tagKeys = members.count { $0.name.utf8.first == UInt8(ascii: "#") }
        if tagKeys > Self.tagKeysMax, !allowsManyTagKeys {
            self.refuse(
                node,
                "\(tagKeys) tag keys in a filter: several relays refuse more than \(Self.tagKeysMax); "
                    + "say allowManyTagKeys: true if yours do not")
        }
        if mapping.isEmpty { self.refuse(node, "an empty filter asks for everything") }
        guard self.problems.count == problemsBefore else { return nil }
        return try? Filter(.object(members))
    }

    /// Only kinds are numbers; ids, keys and tag values are text, quoted or not.
    private func json(_ node: Node, isNumeric: Bool) -> JSONValue {
        switch node {
        case .sequence(let sequence): return .array(sequence.map { self.json($0, isNumeric: isNumeric) })
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            return isNumeric && isPlain && DigitText.integer(scalar.string) != nil
                ? .number(scalar.string) : .string(scalar.string)
        case .mapping, .alias: return .null
        }
    }
}
