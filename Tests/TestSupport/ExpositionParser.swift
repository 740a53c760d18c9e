/// A strict reader of Prometheus' text format 0.0.4: refuses what a scrape would accept and a query would stumble over
/// (operations.md section 10.5).
package struct ExpositionParser {
    package struct Fault: Error, Equatable, CustomStringConvertible {
        package let line: Int
        package let reason: String
        package var description: String { "line \(self.line): \(self.reason)" }
    }

    package struct Sample: Equatable, Sendable {
        package let name: String
        package let labels: [String: String]
        package let value: Double
    }

    package struct Family: Equatable, Sendable {
        package let name: String
        package var help: String?
        package var type: String?
        package var samples: [Sample] = []
    }

    package private(set) var families: [Family] = []
    private var seen: Set<String> = []
    private var line = 0

    /// Reads a whole scrape; throws the first fault.
    package static func parse(_ bytes: [UInt8]) throws(Fault) -> [Family] {
        guard let text = String(validating: bytes, as: UTF8.self) else { throw Fault(line: 0, reason: "invalid UTF-8") }
        guard !bytes.contains(UInt8(ascii: "\r")) else { throw Fault(line: 0, reason: "carriage return") }
        guard bytes.isEmpty || bytes.last == UInt8(ascii: "\n") else {
            throw Fault(line: 0, reason: "no newline at the end")
        }
        var parser = ExpositionParser()
        for piece in text.utf8.dropLast().split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            parser.line += 1
            guard !bytes.isEmpty else { break }
            try parser.read(Array(piece))
        }
        for family in parser.families { try parser.check(family) }
        return parser.families
    }

    package static func parse(_ text: String) throws(Fault) -> [Family] { try self.parse(Array(text.utf8)) }

    private func fault(_ reason: String) -> Fault { Fault(line: self.line, reason: reason) }

    private mutating func read(_ bytes: [UInt8]) throws(Fault) {
        guard !bytes.isEmpty else { throw self.fault("empty line") }
        if bytes.starts(with: "# HELP ".utf8) { return try self.comment(bytes.dropFirst(7), isHelp: true) }
        if bytes.starts(with: "# TYPE ".utf8) { return try self.comment(bytes.dropFirst(7), isHelp: false) }
        guard bytes.first != UInt8(ascii: "#") else { throw self.fault("a comment that is neither HELP nor TYPE") }
        try self.sample(bytes)
    }

    private mutating func comment(_ bytes: ArraySlice<UInt8>, isHelp: Bool) throws(Fault) {
        let name = Self.text(bytes.prefix { $0 != 0x20 })
        let rest = Self.text(bytes.dropFirst(name.utf8.count + 1))
        guard Self.isName(name, colons: true) else { throw self.fault("bad name \(name)") }
        guard !rest.isEmpty else { throw self.fault("nothing said of \(name)") }
        if self.families.last?.name != name {
            guard !self.families.contains(where: { $0.name == name }) else {
                throw self.fault("\(name) is interleaved")
            }
            self.families.append(Family(name: name))
        }
        let index = self.families.count - 1
        guard self.families[index].samples.isEmpty else { throw self.fault("\(name) is described after its samples") }
        if isHelp {
            guard self.families[index].help == nil else { throw self.fault("second HELP of \(name)") }
            self.families[index].help = rest
        } else {
            guard self.families[index].type == nil else { throw self.fault("second TYPE of \(name)") }
            guard ["counter", "gauge", "histogram"].contains(rest) else { throw self.fault("unknown type \(rest)") }
            self.families[index].type = rest
        }
    }

    private mutating func sample(_ bytes: [UInt8]) throws(Fault) {
        let name = Self.text(bytes.prefix { $0 != 0x20 && $0 != UInt8(ascii: "{") }[...])
        guard Self.isName(name, colons: true) else { throw self.fault("bad name \(name)") }
        var rest = bytes[name.utf8.count...]
        var labels: [String: String] = [:]
        if rest.first == UInt8(ascii: "{") {
            rest = rest.dropFirst()
            while rest.first != UInt8(ascii: "}") {
                let label = Self.text(rest.prefix { $0 != UInt8(ascii: "=") })
                guard Self.isName(label, colons: false), !label.hasPrefix("__") else {
                    throw self.fault("bad label \(label)")
                }
                rest = rest.dropFirst(label.utf8.count + 1)
                guard labels.updateValue(try self.quoted(&rest), forKey: label) == nil else {
                    throw self.fault("label \(label) twice")
                }
                if rest.first == UInt8(ascii: ",") {
                    rest = rest.dropFirst()
                } else if rest.first != UInt8(ascii: "}") {
                    throw self.fault("no comma between labels")
                }
            }
            rest = rest.dropFirst()
        }
        guard rest.first == 0x20 else { throw self.fault("no space before the value") }
        let text = Self.text(rest.dropFirst())
        guard let value = Self.number(text) else { throw self.fault("bad value \(text)") }
        guard var family = self.families.last, family.owns(name) else {
            throw self.fault("\(name) has no HELP and TYPE here")
        }
        let key = name + labels.sorted { $0.key < $1.key }.map { "\u{1}\($0.key)\u{2}\($0.value)" }.joined()
        guard self.seen.insert(key).inserted else { throw self.fault("\(name) twice") }
        family.samples.append(Sample(name: name, labels: labels, value: value))
        self.families[self.families.count - 1] = family
    }

    private func quoted(_ rest: inout ArraySlice<UInt8>) throws(Fault) -> String {
        guard rest.popFirst() == UInt8(ascii: "\"") else { throw self.fault("a label's value is quoted") }
        var value: [UInt8] = []
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "\""): return Self.text(value[...])
            case UInt8(ascii: "\\"):
                switch rest.popFirst() {
                case UInt8(ascii: "n"): value.append(UInt8(ascii: "\n"))
                case UInt8(ascii: "\\"): value.append(UInt8(ascii: "\\"))
                case UInt8(ascii: "\""): value.append(UInt8(ascii: "\""))
                default: throw self.fault("unknown escape")
                }
            default: value.append(byte)
            }
        }
        throw self.fault("a label's value does not end")
    }

    /// What must hold of a family as a whole.
    private func check(_ family: Family) throws(Fault) {
        func fail(_ reason: String) -> Fault { Fault(line: 0, reason: "\(family.name): \(reason)") }
        guard family.help != nil, let type = family.type else { throw fail("no HELP or no TYPE") }
        let isCounter = family.name.hasSuffix("_total")
        guard (type == "counter") == isCounter else { throw fail("_total and counter belong together") }
        let sets = Set(family.samples.map { Set($0.labels.keys).subtracting(["le"]) })
        guard sets.count <= 1 else { throw fail("several sets of labels") }
        if type == "counter" {
            guard family.samples.allSatisfy({ $0.value >= 0 }) else { throw fail("a negative counter") }
        }
        if type != "histogram" {
            guard !family.samples.contains(where: { $0.labels["le"] != nil }) else { throw fail("le on a \(type)") }
            return
        }
        for (labels, samples) in Dictionary(grouping: family.samples, by: { $0.labels.filter { $0.key != "le" } }) {
            let buckets = samples.filter { $0.name.hasSuffix("_bucket") }
            let bounds = buckets.map { Self.number($0.labels["le"] ?? "") ?? .nan }
            guard bounds.last == .infinity else { throw fail("no +Inf bucket of \(labels)") }
            guard zip(bounds, bounds.dropFirst()).allSatisfy({ $0 < $1 }) else { throw fail("buckets out of order") }
            let counts = buckets.map(\.value)
            guard zip(counts, counts.dropFirst()).allSatisfy({ $0 <= $1 }) else {
                throw fail("buckets are not cumulative")
            }
            guard samples.first(where: { $0.name.hasSuffix("_count") })?.value == counts.last else {
                throw fail("_count is not the +Inf bucket")
            }
            guard samples.contains(where: { $0.name.hasSuffix("_sum") }) else { throw fail("no _sum") }
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String { String(decoding: bytes, as: UTF8.self) }

    private static func isName(_ name: String, colons: Bool) -> Bool {
        guard let first = name.utf8.first, first &- 0x30 >= 10 else { return false }
        return name.utf8.allSatisfy { byte in
            byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "_")
                || (colons && byte == UInt8(ascii: ":"))
        }
    }

    private static func number(_ text: String) -> Double? {
        switch text {
        case "+Inf": return .infinity
        case "-Inf": return -.infinity
        case "NaN": return .nan
        default:
            let isPlain = !text.isEmpty && text.utf8.allSatisfy { "0123456789.eE+-".utf8.contains($0) }
            return isPlain ? Double(text) : nil
        }
    }
}

extension ExpositionParser.Family {
    fileprivate func owns(_ sample: String) -> Bool {
        if self.type == "histogram" {
            return ["_bucket", "_sum", "_count"].contains { sample == self.name + $0 }
        }
        return sample == self.name
    }
}
