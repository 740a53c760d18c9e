import Foundation
import Nostr

/// The protocol's and the project's test vectors, committed beside the tests.
enum VectorFile {
    /// The rows of a JSON file; none where it cannot be read, which the tests of the number of rows notice.
    static func rows(_ name: String) -> [JSONValue] {
        guard let folder = Bundle.module.resourceURL,
            let data = try? Data(contentsOf: folder.appending(path: "Vectors/\(name)")),
            let json = JSONValue(parsing: [UInt8](data).span)
        else { return [] }
        return json.array ?? []
    }
}

extension JSONValue {
    /// The tags of an event.
    var tags: [[String]] { self.array?.map { $0.array?.compactMap(\.string) ?? [] } ?? [] }

    var isNull: Bool { self == .null }
}
