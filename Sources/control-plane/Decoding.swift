import ControlPlane
import Foundation
import Nostr

/// How a value of a request is read, with the schema that says the same to the client.
struct Decoding<Value: Sendable>: Sendable {
    let schema: Schema
    /// What was expected, for the refusal; nil is no value of this kind.
    let expectation: String
    let read: @Sendable (JSONValue) throws(ControlPlaneError) -> Value?

    init(
        _ schema: Schema, _ expectation: String,
        read: @escaping @Sendable (JSONValue) throws(ControlPlaneError) -> Value?
    ) {
        self.schema = schema
        self.expectation = expectation
        self.read = read
    }
}

extension Decoding where Value == String {
    static var text: Decoding { .text(nil) }

    /// - Parameter range: what the schema says of the length; the constraint of the column decides.
    static func text(_ range: ClosedRange<Int>?) -> Decoding {
        Decoding(.text(range), "a text") { value throws(ControlPlaneError) in value.string }
    }
}

extension Decoding
where Value: RawRepresentable<String> & CaseIterable, Value.AllCases: SendableMetatype, Value: SendableMetatype {
    static var choice: Decoding {
        let words = Value.allCases.map(\.rawValue)
        return Decoding(.choice(words), "one of \(words.joined(separator: ", "))") { value throws(ControlPlaneError) in
            value.string.flatMap { Value(rawValue: $0) }
        }
    }
}

extension Decoding where Value == UUID {
    static var uuid: Decoding {
        Decoding(.uuid, "a UUID") { value throws(ControlPlaneError) in
            value.string.flatMap { UUID(uuidString: $0) }
        }
    }
}

extension Decoding where Value == Bool {
    static var boolean: Decoding {
        Decoding(.boolean, "true or false") { value throws(ControlPlaneError) in value.bool }
    }
}

extension Decoding where Value == Int {
    static func integer(_ range: ClosedRange<Int64>) -> Decoding {
        Decoding(.integer(range), "an integer from \(range.lowerBound) to \(range.upperBound)") {
            value throws(ControlPlaneError) in
            guard case .number(let text) = value, let number = Int64(text), range.contains(number) else { return nil }
            return Int(number)
        }
    }
}

extension Decoding where Value == Double {
    static var number: Decoding {
        Decoding(.number, "a number") { value throws(ControlPlaneError) in
            guard case .number(let text) = value, let number = Double(text), number.isFinite else { return nil }
            return number
        }
    }
}

extension Decoding where Value == Decimal {
    static var decimal: Decoding {
        Decoding(.number, "a number") { value throws(ControlPlaneError) in
            guard case .number(let text) = value else { return nil }
            return Decimal(string: text)
        }
    }
}

extension Decoding where Value == WallTime {
    /// Epoch milliseconds, or a text of RFC 3339.
    static var time: Decoding {
        Decoding(.oneOf([.time, .pattern(RFC3339.pattern)]), "milliseconds since 1970, or RFC 3339") {
            value throws(ControlPlaneError) in
            switch value {
            case .number(let text):
                guard let milliseconds = Int64(text) else { return nil }
                return try WallTime(milliseconds: milliseconds)
            case .string(let text):
                guard let milliseconds = RFC3339.milliseconds(text) else { return nil }
                return try WallTime(milliseconds: milliseconds)
            default: return nil
            }
        }
    }
}

extension Decoding where Value == [String] {
    static var words: Decoding {
        Decoding(
            .list(.text(0...InputLimits.elementBytesMax), 0...InputLimits.elementsMax), "a list of texts"
        ) { value throws(ControlPlaneError) in
            guard let list = value.array else { return nil }
            let words = list.compactMap(\.string)
            return words.count == list.count ? words : nil
        }
    }
}

extension Decoding where Value == [Float] {
    /// Single precision is what models return and what is stored.
    static var vector: Decoding {
        Decoding(.list(.number, 1_536...1_536), "a list of 1536 numbers") {
            value throws(ControlPlaneError) in
            guard let list = value.array, list.count <= 1_536 else { return nil }
            var vector: [Float] = []
            vector.reserveCapacity(list.count)
            for element in list {
                guard case .number(let text) = element, let number = Float(text), number.isFinite else { return nil }
                vector.append(number)
            }
            return vector
        }
    }
}

extension Decoding where Value == JSONDocument {
    static var object: Decoding {
        Decoding(.object, "an object") { value throws(ControlPlaneError) in
            guard case .object = value else { return nil }
            return try JSONDocument(Array(value.text.utf8))
        }
    }

    static var any: Decoding {
        Decoding(.any, "JSON") { value throws(ControlPlaneError) in
            try JSONDocument(Array(value.text.utf8))
        }
    }
}
