import Nostr
import Postgres

extension BatchPlan {
    /// What the database says about the events of the batch.
    struct Probe {
        var existing: Set<EventID> = []
        var heads: [Coordinate: StoredHead] = [:]
        /// Those that could bind an event of the batch.
        var marks = LifecycleMarks()
        /// What single relays may no longer show, by key.
        var relayVanishes: [PublicKey: [(relay: RelayID, until: Timestamp)]] = [:]
        /// Relays that requests of the batch name, as far as they are known here.
        var relays: [RelayURL: RelayID] = [:]
    }

    /// The high-water marks of a coordinate.
    struct StoredHead {
        let newest: HighWaterMark
        /// Kind 0: the newest version that could be read.
        let readable: HighWaterMark?
    }
}

extension BatchPlan.Probe {
    mutating func read(deleted: PostgresResult, vanishes: PostgresResult) {
        for row in deleted {
            guard let target = row[0].eventID, let pubkey = row[1].publicKey, let mark = row.mark(at: 2) else {
                continue
            }
            self.marks.add(mark, toEvent: LifecycleMarks.DeletedEvent(target: NamedID(target), pubkey: pubkey))
        }
        for row in vanishes {
            guard let pubkey = row[0].publicKey, let mark = row.mark(at: 1) else { continue }
            self.marks.add(mark, toKey: pubkey)
        }
    }

    mutating func read(relayVanishes: PostgresResult) {
        for row in relayVanishes {
            guard let pubkey = row[0].publicKey, let relay = row[1].int4, let until = row[2].int8 else { continue }
            self.relayVanishes[pubkey, default: []].append((RelayID(relay), Timestamp(until)))
        }
    }

    mutating func read(relays: PostgresResult) {
        for row in relays {
            guard let id = row[0].int4, let url = row[1].text.flatMap(RelayURL.init) else { continue }
            self.relays[url] = RelayID(id)
        }
    }

    mutating func read(heads: PostgresResult, of coordinates: [Coordinate]) {
        for row in heads {
            guard let number = row[0].int8 else { continue }
            let coordinate = coordinates[Int(number) - 1]
            if let newest = row.mark(at: 1) {
                self.heads[coordinate] = BatchPlan.StoredHead(newest: newest, readable: row.mark(at: 3))
            }
            if let mark = row.mark(at: 5) { self.marks.add(mark, toCoordinate: coordinate) }
        }
    }
}

extension PostgresRow {
    /// A time and an id, side by side.
    fileprivate func mark(at column: Int) -> HighWaterMark? {
        guard let time = self[column].int8, let id = self[column + 1].eventID else { return nil }
        return HighWaterMark(createdAt: Timestamp(time), id: id)
    }
}
