package import Foundation

/// The Python environment that `Tests/Peers/setup.sh` makes.
package enum PeersEnvironment {
    /// `Tests/Peers`.
    package static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Peers")
        .standardizedFileURL

    package static let path: String = {
        let path = ProcessInfo.processInfo.environment["PEERS_VENV"] ?? ""
        return path.isEmpty ? Self.folder.appending(path: ".venv").path() : path
    }()

    /// Whether everything is installed.
    package static let isReady = FileManager.default.contentsEqual(
        atPath: Self.path + "/ready", andPath: Self.folder.appending(path: "requirements.txt").path())

    package static let absence = "There are no peers here: run Tests/Peers/setup.sh"
}
