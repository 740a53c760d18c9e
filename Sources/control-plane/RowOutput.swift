import ArgumentParser
import ControlPlane
import Foundation
import Nostr
import Serving

/// Rows for an operator: one a line, for people or as JSON.
struct RowOutput: ParsableArguments {
    @Flag(help: "JSON, one row a line.")
    var json = false

    func print<Row>(_ row: Row, _ shape: Shape<Row>) {
        guard !self.json else { return Terminal.output(shape.json(row).text) }
        let cells = shape.properties.map { "\($0.name)=\(Self.cell($0.value(row)))" }
        Terminal.output(cells.joined(separator: "  "))
    }

    /// All pages, as they come.
    func printAll<Row>(_ shape: Shape<Row>, _ fetch: (PageRequest) async throws -> Page<Row>) async throws {
        var cursor: String?
        repeat {
            let page = try await fetch(PageRequest(limit: InputLimits.pageRows.upperBound, cursor: cursor))
            for row in page.items { self.print(row, shape) }
            cursor = page.next?.text
        } while cursor != nil
    }

    private static func cell(_ value: JSONValue) -> String {
        switch value {
        case .null: "-"
        case .string(let text):
            text.isEmpty || text.contains(where: \.isWhitespace) ? value.text : Terminal.harmless(text)
        default: value.text
        }
    }
}

/// An id on the command line.
struct IDArgument: ExpressibleByArgument {
    let id: UUID

    init?(argument: String) {
        guard let id = UUID(uuidString: argument) else { return nil }
        self.id = id
    }
}
