/// How a relay treats its clients: honest by default, and each property is one way of not being it.
///
/// Faults add to an answer and never replace a genuine event in it, so a client that survives them still receives
/// everything it asked for.
package struct Personality: Hashable, Sendable {
    /// Where all chance comes from.
    package var seed: UInt64 = 1

    // MARK: Answers

    /// Events per request; stated as `max_limit` in the NIP-11 document.
    package var pageCap: Int?
    /// Events per request, announced nowhere.
    package var silentCap: Int?
    package var hint: Hint = .none
    package var endOfStoredEvents: EndOfStoredEvents = .once
    package var order: Order = .newestFirst
    /// How many times each event is sent.
    package var copies = 1
    /// Answers as if `since` and `until` had not been asked for.
    package var ignoresInterval = false

    // MARK: Refusals

    package var closed: ClosedAnswer?
    /// How often a REQ gets no answer at all.
    package var unanswered: Occurrence = .never
    /// Reads everything, answers pings, says nothing else.
    package var isMute = false
    /// Subscriptions per connection; one more is refused by a NOTICE only.
    package var subscriptionsMax: Int?
    package var authentication: Authentication = .none
    /// Says nothing to a REQ whose id was used before on the connection.
    package var ignoresUsedSubscriptions = false

    // MARK: Connections

    /// The time before each frame.
    package var frameDelay: Duration = .zero
    package var disconnect: Disconnect?
    /// How many connections are dropped in all; nil means no end of it.
    package var disconnectsMax: Int?
    /// The listening socket is closed, and so is every connection.
    package var isUnreachable = false

    // MARK: Frames that nobody asked for

    /// Per event: the event with another signature, ahead of the genuine one.
    package var forgedSignatures: Occurrence = .never
    /// Per event: another content under the event's id, ahead of the genuine one.
    package var forgedBodies: Occurrence = .never
    /// Per event: a validly signed event of the year 2100.
    package var futureDated: Occurrence = .never
    /// Per event: one of ``malformedShapes``, in turn.
    package var malformedFrames: Occurrence = .never
    package var malformedShapes = MalformedFrame.allCases
    /// Per event: the event under an id that no client uses.
    package var wrongSubscription: Occurrence = .never
    /// Per event: another stored event, which the request does not ask for.
    package var filterViolations: Occurrence = .never
    /// Per event.
    package var notices: Occurrence = .never
    package var noticeBytes = 40

    package var information: Information = .document

    package init() {}

    package static let honest = Personality()
}

extension Personality {
    /// The third element of EOSE (NIP-67).
    package enum Hint: String, CaseIterable, Sendable {
        case none
        /// `finish` and `more` as they are.
        case truthful
        case alwaysFinish
        case alwaysMore
        case rubbish
    }

    package enum EndOfStoredEvents: String, CaseIterable, Sendable {
        case once, never, twice
        /// Before the events, and not after them.
        case early
    }

    package enum Order: String, CaseIterable, Sendable {
        /// Ties by lowest id, as NIP-01 says.
        case newestFirst
        /// The same page, the other way round.
        case oldestFirst
        case shuffled
    }

    /// A CLOSED in place of an answer.
    package struct ClosedAnswer: Hashable, Sendable {
        /// With its machine-readable prefix, such as `rate-limited: slow down`.
        package var text: String
        package var occurrence: Occurrence
        /// Events of the answer that are sent before it.
        package var afterEvents: Int

        package init(_ text: String, _ occurrence: Occurrence = .always, afterEvents: Int = 0) {
            self.text = text
            self.occurrence = occurrence
            self.afterEvents = afterEvents
        }
    }

    /// What NIP-42 asks of a client before a REQ is answered.
    package enum Authentication: String, CaseIterable, Sendable {
        case none
        /// The challenge comes on connecting.
        case challengeOnConnect
        /// The challenge comes after the CLOSED that it explains.
        case challengeAfterClosed
        /// Every AUTH is answered with `OK false`.
        case refusesEveryone
    }

    package enum Disconnect: Hashable, Sendable {
        /// After so many EVENT frames on a connection.
        case afterEvents(Int)
        /// The same, within the next EVENT frame.
        case midMessage(afterEvents: Int)
        /// This long after each connection was made.
        case every(Duration)
    }

    package enum Information: Hashable, Sendable {
        /// 404: there is no NIP-11 document.
        case absent
        case document
        /// This text, whatever it is.
        case text(String)
    }

    /// Whether every event of an answer is one frame and nothing happens between them.
    var sendsPlainEvents: Bool {
        self.copies == 1 && self.forgedSignatures == .never && self.forgedBodies == .never
            && self.futureDated == .never && self.malformedFrames == .never && self.wrongSubscription == .never
            && self.filterViolations == .never && self.notices == .never && self.disconnect == nil
            && self.frameDelay == .zero
    }
}

extension Personality {
    /// One of each kind of relay, by name.
    package static let zoo: [(name: String, personality: Personality)] = [
        ("honest", .honest),
        ("capped", .with { $0.pageCap = 500 }),
        ("silently-capped", .with { $0.silentCap = 100 }),
        ("hinting", .with { ($0.hint, $0.pageCap) = (.truthful, 500) }),
        ("liar", .with { ($0.hint, $0.silentCap) = (.alwaysFinish, 100) }),
        ("endless", .with { $0.hint = .alwaysMore }),
        ("unordered", .with { ($0.order, $0.silentCap) = (.shuffled, 300) }),
        ("ascending", .with { ($0.order, $0.silentCap) = (.oldestFirst, 300) }),
        ("repeating", .with { $0.copies = 3 }),
        ("rate-limiting", .with { $0.closed = ClosedAnswer("rate-limited: slow down", .every(3)) }),
        ("failing", .with { $0.closed = ClosedAnswer("ERROR: error: could not read", .share(0.3), afterEvents: 10) }),
        ("forgetful", .with { $0.unanswered = .share(0.2) }),
        ("mute", .with { $0.isMute = true }),
        ("crowded", .with { $0.subscriptionsMax = 2 }),
        ("private", .with { $0.authentication = .challengeAfterClosed }),
        ("slow", .with { $0.frameDelay = .milliseconds(2) }),
        ("flapping", .with { $0.disconnect = .afterEvents(700) }),
        ("cutting", .with { $0.disconnect = .midMessage(afterEvents: 700) }),
        (
            "forger",
            .with {
                ($0.forgedSignatures, $0.forgedBodies) = (.share(0.05), .share(0.05))
                $0.futureDated = .share(0.02)
            }
        ),
        (
            "babbling",
            .with {
                ($0.malformedFrames, $0.notices) = (.share(0.05), .share(0.05))
                ($0.wrongSubscription, $0.filterViolations) = (.share(0.05), .share(0.05))
            }
        ),
        ("unreachable", .with { $0.isUnreachable = true }),
    ]

    /// The relay of that name in the ``zoo``.
    package init?(named name: String) {
        guard let found = Self.zoo.first(where: { $0.name == name }) else { return nil }
        self = found.personality
    }

    package static func with(_ change: (inout Personality) -> Void) -> Personality {
        var personality = Personality()
        change(&personality)
        return personality
    }
}
