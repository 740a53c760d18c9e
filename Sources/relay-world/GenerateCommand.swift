import ArgumentParser
import Nostr
import RelayWorld

struct GenerateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate", abstract: "Print a world as JSONL, in the order of publication.")

    @OptionGroup var world: WorldOptions

    func run() throws {
        var chunk: [UInt8] = []
        for event in try self.world.load() {
            chunk.append(contentsOf: event.json)
            chunk.append(UInt8(ascii: "\n"))
            guard chunk.count > 1 << 16 else { continue }
            guard StandardOutput.write(chunk) else { return }
            chunk.removeAll(keepingCapacity: true)
        }
        StandardOutput.write(chunk)
    }
}
