extension WorldRelay {
    /// What a relay did so far.
    package struct Statistics: Hashable, Sendable {
        package var connectionsOpened = 0
        package var connectionsOpen = 0
        /// Closed connections, by the way they ended.
        package var connectionsEnded: [ConnectionEnd: Int] = [:]
        /// NIP-11 requests.
        package var informationRequests = 0
        /// Text messages received.
        package var messages = 0
        package var pings = 0
        /// REQs received; each ends in one of the outcomes, once its answer is over.
        package var requests = 0
        package var outcomes: [RequestOutcome: Int] = [:]
        package var subscriptionsOpened = 0
        package var subscriptionsOpen = 0
        /// EVENTs of clients, by whether they were accepted as new.
        package var eventsAccepted = 0
        package var eventsDuplicate = 0
        package var eventsRefused = 0
        /// Complete frames written, control frames aside.
        package var frames = 0
        /// Text frames that begin with `["EVENT",`, whatever follows.
        package var eventFrames = 0
        /// Those of them that were sent to a live subscription as the event was published.
        package var liveEventFrames = 0
        /// ``eventFrames`` of connections that have ended, by the way they ended.
        package var eventFramesEnded: [ConnectionEnd: Int] = [:]
        /// Bytes written after the upgrade, WebSocket headers included.
        package var bytesSent = 0
        /// How often each fault happened.
        package var faults: [Fault: Int] = [:]

        package init() {}

        package func count(_ fault: Fault) -> Int { self.faults[fault, default: 0] }
        package func ended(_ outcome: RequestOutcome) -> Int { self.outcomes[outcome, default: 0] }
        package func ended(_ end: ConnectionEnd) -> Int { self.connectionsEnded[end, default: 0] }

        /// EVENT frames on connections whose client closed them by the closing handshake: it has received them all.
        package var eventFramesReceived: Int { self.eventFramesEnded[.byClient, default: 0] }
    }

    package enum RequestOutcome: String, CaseIterable, Sendable {
        /// All its stored events and an EOSE were sent (or, if the personality says so, all but the EOSE).
        case answered
        case closed
        case unanswered
        case refusedByNotice
        case authRequired
        /// The filter could not be read.
        case invalid
        /// Closed or replaced by the client before its answer was over.
        case cancelled
        /// The connection ended before its answer was over.
        case cut
    }

    package enum ConnectionEnd: String, CaseIterable, Sendable {
        /// The client began the closing handshake, and it was answered.
        case byClient
        /// The relay dropped the connection.
        case byRelay
        /// The connection was gone without a closing handshake.
        case lost
    }
}

extension WorldRelay.Statistics: CustomStringConvertible {
    package var description: String {
        func list(_ counts: some Sequence<(String, Int)>) -> String {
            counts.sorted { $0.0 < $1.0 }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
        }
        return """
            connections \(self.connectionsOpened) (\(list(self.connectionsEnded.map { ($0.key.rawValue, $0.value) }))), \
            requests \(self.requests) (\(list(self.outcomes.map { ($0.key.rawValue, $0.value) }))), \
            subscriptions \(self.subscriptionsOpened), frames \(self.frames), EVENT frames \(self.eventFrames), \
            bytes \(self.bytesSent), faults (\(list(self.faults.map { ($0.key.rawValue, $0.value) })))
            """
    }
}
