import ArgumentParser
import FoundationEssentials
import Nostr
import RelayWorld

/// Which events there are: from a seed, or from a file.
struct WorldOptions: ParsableArguments {
    @Option(help: "The seed that everything follows from.")
    var seed: UInt64 = 1

    @Option(help: "How many events.")
    var events = 10_000

    @Option(help: "When the first event is published, in Unix seconds.")
    var start: Int64 = 1_760_000_000

    @Option(help: "Seconds from the first to the last event.")
    var span: Int64 = 30 * 86_400

    @Option(help: "A second with so many events in it; may be given several times.")
    var dense: [Int] = []

    @Option(help: "The weight of a family of events, as in vote=28; may be given several times.")
    var share: [String] = []

    @Option(help: "Of notes: those with U+0000.")
    var nulShare = 0.0

    @Option(help: "JSONL to read instead of inventing events.")
    var fromJsonl: String?

    func validate() throws {
        _ = try self.social
    }

    var social: SocialWorld.Options {
        get throws {
            var options = SocialWorld.Options()
            options.count = max(0, self.events)
            options.start = Timestamp(self.start)
            options.span = max(1, self.span)
            options.densities = self.dense.map { SocialWorld.Density(events: $0) }
            options.nulShare = self.nulShare
            for text in self.share {
                let parts = text.split(separator: "=").map(String.init)
                guard parts.count == 2, let family = SocialWorld.Family(rawValue: parts[0]),
                    let weight = Double(parts[1]), weight >= 0
                else {
                    let names = SocialWorld.Family.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("'\(text)' is no <family>=<weight>; families are \(names)")
                }
                options.shares[family] = weight
            }
            return options
        }
    }

    /// The events, in the order of publication.
    func load() throws -> [Event] {
        guard let path = self.fromJsonl else { return SocialWorld(seed: self.seed, options: try self.social).events }
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var events: [Event] = []
        for (number, line) in bytes.split(separator: UInt8(ascii: "\n")).enumerated() {
            let json = Array(line)
            do {
                events.append(try Event(parsing: json.span))
            } catch {
                throw ValidationError("\(path):\(number + 1): \(error.rawValue)")
            }
        }
        return events
    }
}
