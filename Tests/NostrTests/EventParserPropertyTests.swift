import Nostr
import Testing

/// What holds for every spelling and for every broken frame; the seeds are fixed, so a failure can be looked at again.
struct EventParserPropertyTests {
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `every spelling of an event has one canonical form`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<150 {
            let wanted = RandomEvent(using: &random)
            let plain = try Event(json: wanted.plain)
            #expect(plain.canonical == wanted.canonical)
            for _ in 0..<3 {
                let wire = wanted.spelled(using: &random)
                let event = try Event(json: wire)
                let isEqual =
                    event.canonical == wanted.canonical && event == plain
                    && event.hasNUL == wanted.hasNUL && event.tagCount == wanted.tags.count
                    && event.contentBytes == RandomEvent.utf8(wanted.content)
                    && event.contentIsEscaped == plain.contentIsEscaped
                    && event.tagsRange == plain.tagsRange && event.contentRange == plain.contentRange
                    && event.tags.map { tag in (0..<tag.count).compactMap { tag[$0]?.bytes } } == wanted.tagsUTF8
                #expect(isEqual, "seed \(seed): \(String(decoding: wire, as: UTF8.self))")
            }
        }
    }

    @Test(arguments: 0..<4 as Range<UInt64>)
    func `an event that is written back has the same canonical form`(seed: UInt64) throws {
        var random = SplitMix64(seed: 100 + seed)
        for _ in 0..<150 {
            let event = try Event(json: RandomEvent(using: &random).spelled(using: &random))
            let again = try Event(json: event.json)
            let isEqual =
                again == event && again.hasNUL == event.hasNUL
                && again.contentIsEscaped == event.contentIsEscaped
            #expect(isEqual, "seed \(seed): \(event.id)")
        }
    }

    /// The frames of which mutants are made: every accepted spelling of the vectors.
    static let frames: [[UInt8]] = EventVector.wires.compactMap { row in
        guard case .accepted = row.verdict else { return nil }
        return Array("[\"EVENT\",\"sub:1\",".utf8) + row.wire + Array("]".utf8)
    }

    /// 200,000 mutants. A mutant may be refused, or be another spelling of the same event; it may not trap, and it may
    /// not be verified as anything else.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func `a broken frame is refused or is the event that it was`(seed: UInt64) throws {
        var random = SplitMix64(seed: 1_000 + seed)
        let originals = try Self.frames.map { frame in
            guard case .event(_, let event) = try RelayMessage(frame: frame) else { throw EventRejection.badType }
            return event
        }
        let verifier = EventVerifier(keys: Pipeline.keys)
        var verified = 0
        for _ in 0..<10_000 {
            let index = random.below(Self.frames.count)
            let frame = Mutation.mutant(of: Self.frames[index], using: &random)
            let peek = EventPeek(frame: frame)
            guard case .event(let subscription, let event)? = try? RelayMessage(frame: frame) else { continue }
            if let peek {
                let isSame = peek.id == event.id && Array(subscription.rawValue.utf8) == Array(frame[peek.subscription])
                #expect(isSame, "seed \(seed): \(String(decoding: frame, as: UTF8.self))")
            }
            guard let proven = try? verifier.verify(event) else { continue }
            verified += 1
            let isSame = proven.event == originals[index]
            #expect(isSame, "seed \(seed): \(String(decoding: frame, as: UTF8.self))")
        }
        // Some mutations hit white space, the subscription or an escape: the test must not pass on refusals alone.
        #expect(verified > 20)
    }
}

extension RelayMessage {
    init(frame: [UInt8], limits: EventLimits = EventLimits()) throws(RefusedFrame) {
        try self.init(parsing: frame.span, limits: limits)
    }
}

extension EventPeek {
    init?(frame: [UInt8]) {
        self.init(frame.span)
    }
}

/// Changes to the bytes of a frame.
enum Mutation {
    /// Bytes that mean something to JSON, to UTF-8 or to hexadecimal.
    static let bytes: [UInt8] =
        Array("\"\\{}[],:0123456789abcdefABCDEFu/ntrl .-+eE\t\n".utf8) + [
            0x00, 0x1F, 0x7F, 0x80, 0xC0, 0xC2, 0xED, 0xF4, 0xFF,
        ]

    static func mutant(of frame: [UInt8], using random: inout SplitMix64) -> [UInt8] {
        var mutant = frame
        repeat {
            let place = random.below(mutant.count)
            switch random.below(8) {
            case 0: mutant[place] ^= 1 << UInt8(random.below(8))
            case 1: mutant[place] = UInt8(truncatingIfNeeded: random.next())
            case 2, 3: mutant[place] = random.pick(self.bytes)
            case 4: mutant.insert(random.pick(self.bytes), at: place)
            case 5: mutant.remove(at: place)
            case 6:
                let end = min(mutant.count, place + random.below(80))
                mutant.insert(contentsOf: mutant[place..<end], at: random.below(mutant.count))
            default: mutant.removeLast(random.below(min(mutant.count, 200)))
            }
        } while random.oneIn(3) && !mutant.isEmpty
        return mutant.isEmpty ? [0x5B] : mutant
    }
}
