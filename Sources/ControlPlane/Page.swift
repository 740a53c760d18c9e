import FoundationEssentials
import Postgres

/// A part of a list, and where the rest begins.
package struct Page<Item: Sendable>: Sendable {
    package let items: [Item]
    /// Nil at the end of the list.
    package let next: Cursor?
}

extension Page: Equatable where Item: Equatable {}

/// How much of a list, and from where.
package struct PageRequest: Hashable, Sendable {
    package let limit: Int
    package let cursor: Cursor?

    /// The first page, of the usual size.
    package static let first = PageRequest()

    private init() {
        self.limit = InputLimits.pageRowsDefault
        self.cursor = nil
    }

    /// - Parameters:
    ///   - limit: 1 to 200; 50 unless given.
    ///   - cursor: ``Cursor/text`` of the page before.
    package init(limit: Int? = nil, cursor: String? = nil) throws(ControlPlaneError) {
        let limit = limit ?? InputLimits.pageRowsDefault
        guard InputLimits.pageRows.contains(limit) else {
            let bounds = InputLimits.pageRows
            throw .badRequest("a page has \(bounds.lowerBound) to \(bounds.upperBound) rows")
        }
        self.limit = limit
        self.cursor = try cursor.map { text throws(ControlPlaneError) in try Cursor(text: text) }
    }
}

/// The place behind the last row of a page: its sort key, in a form that only this program reads.
///
/// It grants nothing: every page asks for the caller's rights anew.
package struct Cursor: Hashable, Sendable {
    /// The first part of the sort key: a time in microseconds, or an integer.
    let number: Int64
    /// The part that breaks ties: the bytes of a UUID or of a text.
    let tie: [UInt8]
    /// Whose pages it counts; a cursor of another list is refused.
    let list: List

    /// Lists differ in what they sort by.
    enum List: UInt8 {
        case byTime = 1
        case byOrder = 2
        case byText = 3
    }

    init(_ list: List, number: Int64, tie: [UInt8]) {
        self.list = list
        self.number = number
        self.tie = tie
    }

    init(_ time: WallTime, _ id: UUID) {
        self.init(.byTime, number: time.microseconds, tie: id.bytes)
    }

    init(text: String) throws(ControlPlaneError) {
        // The tie is a UUID, a slug or a user id: 255 bytes at most.
        guard let bytes = Hex.decode(text.utf8, bytesMax: 9 + 255), bytes.count > 9,
            let list = List(rawValue: bytes[0])
        else { throw .badRequest("the cursor is not one of ours") }
        let number = bytes[1...8].reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
        self.init(list, number: Int64(bitPattern: number), tie: Array(bytes[9...]))
    }

    /// What goes into `next_cursor`.
    package var text: String {
        var bytes = [self.list.rawValue]
        for shift in stride(from: 56, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: self.number >> shift))
        }
        return Hex.encode(bytes + self.tie)
    }

    /// The sort key of a list by time and id.
    func timeAndID() throws(ControlPlaneError) -> [PostgresValue] {
        guard self.list == .byTime, let id = UUID(bytes: self.tie) else {
            throw .badRequest("the cursor belongs to another list")
        }
        return [.timestamptz(self.number), .uuid(id)]
    }

    /// The sort key of a list by number and text.
    func numberAndText(of list: List) throws(ControlPlaneError) -> [PostgresValue] {
        guard self.list == list, let text = String(validating: self.tie, as: UTF8.self), !text.utf8.contains(0) else {
            throw .badRequest("the cursor belongs to another list")
        }
        return [.int8(self.number), .text(text)]
    }
}

/// Lower-case hex.
enum Hex {
    private static let digits = Array("0123456789abcdef".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        String(decoding: bytes.flatMap { [Self.digits[Int($0 >> 4)], Self.digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// Nil for anything else, an odd length and more than `bytesMax` bytes.
    static func decode(_ text: some Collection<UInt8>, bytesMax: Int) -> [UInt8]? {
        guard text.count.isMultiple(of: 2), text.count <= 2 * bytesMax else { return nil }
        var bytes: [UInt8] = []
        var high: UInt8?
        for character in text {
            guard let digit = Self.digits.firstIndex(of: character).map(UInt8.init) else { return nil }
            if let upper = high.take() { bytes.append(upper << 4 | digit) } else { high = digit }
        }
        return bytes
    }
}
