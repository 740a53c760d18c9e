import NIOCore
import Nostr

extension ConnectionHandler {
    /// The stored events that answer a REQ, as the relay's personality has it.
    func answer(to subscription: SubscriptionID, _ filters: [Filter]) -> Answer {
        let personality = self.relay.personality
        let pageCap = personality.pageCap ?? .max
        let silentCap = personality.silentCap ?? .max
        var asked = filters
        if personality.ignoresInterval {
            for index in asked.indices where asked[index].since != nil || asked[index].until != nil {
                (asked[index].since, asked[index].until) = (nil, nil)
                self.relay.count(.intervalIgnored)
            }
        }
        var page = self.relay.events.page(of: asked, cap: min(pageCap, silentCap))
        if page.isCapped { self.relay.count(silentCap < pageCap ? .silentlyCapped : .capped) }
        if personality.order != .newestFirst, page.slots.count > 1 {
            self.relay.count(.reordered)
            if personality.order == .shuffled {
                self.relay.dice.shuffle(&page.slots)
            } else {
                page.slots.reverse()
            }
        }
        var closed: (text: String, afterEvents: Int)?
        if let answer = personality.closed, self.relay.fires(.closed, answer.occurrence) {
            closed = (answer.text, min(answer.afterEvents, page.slots.count))
        }
        let end = self.endOfStoredEvents(subscription, hasMore: page.hasMore)
        switch personality.endOfStoredEvents {
        case .early:
            self.items.append(contentsOf: end.map(OutgoingItem.frame))
            self.relay.count(.earlyEOSE)
        case .never: self.relay.count(.missingEOSE)
        case .twice: self.relay.count(.secondEOSE)
        case .once: break
        }
        return Answer(
            subscription: subscription, request: self.relay.statistics.requests,
            prefix: FrameComposer.eventPrefix(subscription), slots: page.slots, closed: closed,
            end: personality.endOfStoredEvents == .once
                ? end : personality.endOfStoredEvents == .twice ? end + end : [])
    }

    private func endOfStoredEvents(_ subscription: SubscriptionID, hasMore: Bool) -> [OutgoingFrame] {
        let name = JSONValue.string(subscription.rawValue)
        func hint(_ text: String, fault: Fault? = nil) -> [OutgoingFrame] {
            [OutgoingFrame(FrameComposer.message(.string("EOSE"), name, .array([.string(text)])), fault: fault)]
        }
        switch self.relay.personality.hint {
        case .none: return [OutgoingFrame(FrameComposer.message(.string("EOSE"), name))]
        case .truthful: return hint(hasMore ? "more" : "finish")
        case .alwaysFinish: return hint("finish", fault: hasMore ? .falseFinish : nil)
        case .alwaysMore: return hint("more", fault: hasMore ? nil : .falseMore)
        case .rubbish: return hint("\u{1F937}")
        }
    }

    // MARK: The pump

    /// Sends what is to be sent, soon: what comes together goes out together.
    func schedulePump() {
        guard !self.isPumpScheduled, !self.isDelayed, !self.isEnding else { return }
        self.isPumpScheduled = true
        self.relay.eventLoop.assumeIsolated().execute { self.pump() }
    }

    private func pump() {
        self.isPumpScheduled = false
        guard !self.isEnding, self.isWritable else { return }
        var buffer = ByteBufferAllocator().buffer(capacity: Self.chunkBytes + Self.chunkBytes / 8)
        let delay = self.relay.personality.frameDelay
        var isCut = false
        while buffer.readableBytes < Self.chunkBytes, self.step(&buffer, &isCut) {
            if isCut || (delay > .zero && buffer.readableBytes > 0) { break }
        }
        if isCut { return self.drop(after: buffer) }
        if buffer.readableBytes > 0 { self.write(buffer) }
        if self.nextItem < self.items.count || self.nextFrame < self.frames.count {
            if delay > .zero { self.resume(after: delay) } else { self.schedulePump() }
        } else {
            self.items.removeAll(keepingCapacity: true)
            self.nextItem = 0
        }
        self.relay.changed()
    }

    private func resume(after delay: Duration) {
        self.isDelayed = true
        self.relay.count(.delayed)
        self.relay.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(delay)) {
            self.isDelayed = false
            self.schedulePump()
        }
    }

    /// Composes one more frame; false if there is none.
    private func step(_ buffer: inout ByteBuffer, _ isCut: inout Bool) -> Bool {
        if self.nextFrame < self.frames.count {
            self.nextFrame += 1
            isCut = self.append(self.frames[self.nextFrame - 1], to: &buffer)
            return true
        }
        guard self.nextItem < self.items.count else { return false }
        switch self.items[self.nextItem] {
        case .frame(let frame):
            self.nextItem += 1
            isCut = self.append(frame, to: &buffer)
        case .live(let subscription, let request, let slot):
            self.nextItem += 1
            guard let open = self.subscriptions[subscription], open.request == request else { return true }
            self.plan(slot, subscription, open.filters, isLive: true)
        case .answer(var answer):
            if answer.isOver {
                self.nextItem += 1
                self.end(answer)
            } else if self.relay.personality.sendsPlainEvents {
                self.appendPlainEvents(&answer, to: &buffer)
                self.items[self.nextItem] = .answer(answer)
            } else {
                let slot = answer.slots[answer.position]
                answer.position += 1
                self.items[self.nextItem] = .answer(answer)
                self.plan(slot, answer.subscription, self.subscriptions[answer.subscription]?.filters ?? [])
            }
        }
        return true
    }

    /// The last message of an answer.
    private func end(_ answer: Answer) {
        self.frames.removeAll(keepingCapacity: true)
        self.nextFrame = 0
        guard let closed = answer.closed else {
            self.frames = answer.end
            return self.relay.ended(.answered)
        }
        self.frames = [OutgoingFrame(FrameComposer.closed(answer.subscription, closed.text), fault: .closed)]
        self.relay.ended(.closed)
        if self.subscriptions[answer.subscription]?.request == answer.request {
            self.subscriptions[answer.subscription] = nil
            self.relay.statistics.subscriptionsOpen -= 1
        }
    }

    /// The usual case, without a look at each event: as many as fit.
    private func appendPlainEvents(_ answer: inout Answer, to buffer: inout ByteBuffer) {
        let last = min(answer.slots.count, answer.closed?.afterEvents ?? .max)
        let first = answer.position
        while answer.position < last, buffer.readableBytes < Self.chunkBytes {
            let json = self.relay.events.json[Int(answer.slots[answer.position])]
            FrameWriter.writeHeader(.text, bytes: answer.prefix.count + json.count + 1, to: &buffer)
            buffer.writeBytes(answer.prefix)
            buffer.writeBytes(json)
            buffer.writeInteger(UInt8(ascii: "]"))
            answer.position += 1
        }
        let count = answer.position - first
        self.eventFrames += count
        self.relay.statistics.frames += count
        self.relay.statistics.eventFrames += count
    }

    /// Writes one frame; true if the connection is to be cut after it.
    private func append(_ frame: OutgoingFrame, to buffer: inout ByteBuffer) -> Bool {
        let disconnect = self.relay.personality.disconnect
        if frame.isEvent, case .midMessage(let afterEvents)? = disconnect, self.eventFrames >= afterEvents,
            self.relay.mayDisconnect(.disconnectMidMessage)
        {
            FrameWriter.writeHeader(frame.opcode, bytes: frame.payload.count, to: &buffer)
            buffer.writeBytes(frame.payload.prefix(frame.payload.count / 2))
            return true
        }
        FrameWriter.write(frame.opcode, frame.payload, to: &buffer)
        if let fault = frame.fault { self.relay.count(fault) }
        self.relay.statistics.frames += 1
        guard frame.isEvent else { return false }
        self.eventFrames += 1
        self.relay.statistics.eventFrames += 1
        if frame.isLive { self.relay.statistics.liveEventFrames += 1 }
        if case .afterEvents(let limit)? = disconnect, self.eventFrames >= limit {
            return self.relay.mayDisconnect(.disconnectAfterEvents)
        }
        return false
    }

    /// Plans the frames of one event, genuine and other.
    private func plan(_ slot: Int32, _ subscription: SubscriptionID, _ filters: [Filter], isLive: Bool = false) {
        let personality = self.relay.personality
        let json = self.relay.events.json[Int(slot)]
        var frames: [OutgoingFrame] = []
        if !personality.sendsPlainEvents {
            self.planFaults(personality, slot, subscription, filters, &frames)
        }
        var genuine = OutgoingFrame(FrameComposer.event(subscription, json))
        genuine.isLive = isLive
        frames.append(genuine)
        for _ in 0..<max(0, personality.copies - 1) {
            genuine.fault = .duplicate
            frames.append(genuine)
        }
        self.frames = frames
        self.nextFrame = 0
    }

    private func planFaults(
        _ personality: Personality, _ slot: Int32, _ subscription: SubscriptionID, _ filters: [Filter],
        _ frames: inout [OutgoingFrame]
    ) {
        let relay = self.relay
        let event = relay.events.events[Int(slot)]
        func plan(_ fault: Fault, _ occurrence: Occurrence, _ frame: () -> OutgoingFrame?) {
            guard occurrence != .never, relay.fires(fault, occurrence), var frame = frame() else { return }
            frame.fault = fault
            frames.append(frame)
        }
        func message(_ json: [UInt8], _ id: SubscriptionID? = nil) -> OutgoingFrame {
            OutgoingFrame(FrameComposer.event(id ?? subscription, json))
        }
        plan(.notice, personality.notices) {
            OutgoingFrame(FrameComposer.notice(String(repeating: "n", count: personality.noticeBytes)))
        }
        plan(.malformedFrame, personality.malformedFrames) {
            relay.composer.malformed(personality.malformedShapes, subscription, relay.events.json[Int(slot)])
        }
        plan(.wrongSubscription, personality.wrongSubscription) {
            message(relay.events.json[Int(slot)], SubscriptionID(rawValue: "nobody-asked"))
        }
        plan(.filterViolation, personality.filterViolations) {
            relay.stranger(to: filters).map { message(relay.events.json[Int($0)]) }
        }
        plan(.futureDated, personality.futureDated) { message(relay.composer.futureDated(event)) }
        plan(.forgedBody, personality.forgedBodies) { message(relay.composer.forgedBody(event)) }
        plan(.forgedSignature, personality.forgedSignatures) { message(relay.composer.forgedSignature(event)) }
    }
}
