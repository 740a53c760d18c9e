import Nostr
import Testing

/// NIP-10: threads of kind 1, and the quotes of NIP-18.
struct NoteThreadTests {
    static let vectors = ReadingVector.all("nip10-threads.json")

    @Test func `the file has every row`() {
        #expect(Self.vectors.count == 17)
    }

    @Test(arguments: vectors)
    func `a thread is read as the vectors expect`(vector: ReadingVector) {
        let thread = NoteThread(vector.event)
        let read = ReferenceJSON.members([
            "style": .text(thread.style.rawValue), "is_reply": .bool(thread.isReply), "root": .hex(thread.root?.id),
            "parent": .hex(thread.parent?.id), "root_address": .address(thread.rootAddress),
            "mentions": .array(thread.mentions.map { .hex($0.id) }),
            "quotes": .array(thread.quotes.map { .target($0.target) }), "flags": .flags(thread.flags),
        ])
        #expect(read == vector.expected)
    }

    static let ids = ["a1", "b2", "c3", "d4"].map { String(repeating: $0, count: 32) }

    static func thread(_ tags: [[String]]) throws -> NoteThread { NoteThread(try Event.unsigned(tags: tags)) }

    @Test func `of two roots and of two replies the first counts`() throws {
        let thread = try Self.thread([
            ["e", Self.ids[0], "", "root"], ["e", Self.ids[1], "", "root"], ["e", Self.ids[2], "", "reply"],
            ["e", Self.ids[3], "", "reply"],
        ])
        #expect(thread.root?.id.description == Self.ids[0] && thread.parent?.id.description == Self.ids[2])
        #expect(thread.mentions.isEmpty && thread.flags == [.multi])
    }

    @Test(arguments: ["Root", "ROOT", "root ", "r\u{F6}ot", "quote"])
    func `an unknown marker is none`(marker: String) throws {
        let thread = try Self.thread([["e", Self.ids[0], "", marker], ["e", Self.ids[1]]])
        #expect(thread.style == .positional && thread.parent?.id.description == Self.ids[1])
    }

    @Test func `hints and authors come with the references`() throws {
        let thread = try Self.thread([
            ["e", Self.ids[0], "wss://a.example", "root", Self.ids[1]], ["e", Self.ids[2], "", Self.ids[3]],
            ["q", Self.ids[2], "wss://q.example", Self.ids[3]],
        ])
        #expect(thread.root?.hint == WireText("wss://a.example"))
        #expect(thread.root?.author?.description == Self.ids[1])
        #expect(thread.mentions.first?.author?.description == Self.ids[3] && thread.mentions.first?.hint == nil)
        #expect(thread.quotes.first?.hint == WireText("wss://q.example"))
        #expect(thread.quotes.first?.author?.description == Self.ids[3])
    }

    @Test(arguments: ["x", "note1abc", "30023:", "1:\(ids[0]):x", "\(ids[0])0"])
    func `a value that names nothing is flagged`(value: String) throws {
        for tag in [["q", value], ["a", value, "", "root"], ["e", value]] {
            let thread = try Self.thread([tag])
            #expect(!thread.isReply && thread.quotes.isEmpty && thread.flags == [.badTag])
        }
    }
}
