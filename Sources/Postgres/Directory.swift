package import Glibc

/// The few file operations that a private cluster needs. Errors are `errno`.
package enum Directory {
    /// The entries of a directory, without `.` and `..`; none if it cannot be read.
    package static func names(in path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) { field in
                field.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    package static func exists(_ path: String) -> Bool {
        access(path, F_OK) == 0
    }

    /// Whether the path is a file that we may run.
    static func isProgram(_ path: String) -> Bool {
        var status = stat()
        return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && access(path, X_OK) == 0
    }

    /// Creates the directory, and its parents, where missing.
    package static func create(_ path: String, mode: mode_t = 0o700) -> Int32 {
        if Self.exists(path) { return 0 }
        if let slash = path.lastIndex(of: "/"), slash != path.startIndex {
            // Parents are for everybody to pass through, unless the umask says otherwise.
            let failure = Self.create(String(path[..<slash]), mode: 0o755)
            guard failure == 0 else { return failure }
        }
        return mkdir(path, mode) == 0 || errno == EEXIST ? 0 : errno
    }

    /// Removes a tree. Symbolic links are removed, not followed.
    package static func remove(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            unlink(path)
            return
        }
        for name in Self.names(in: path) { Self.remove(path + "/" + name) }
        rmdir(path)
    }

    /// The text of a small file, or nil.
    package static func read(_ path: String) -> String? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = Glibc.read(descriptor, &piece, piece.count)
            guard count > 0 else { return count == 0 ? String(decoding: bytes, as: UTF8.self) : nil }
            bytes.append(contentsOf: piece[..<count])
        }
    }

    /// Replaces a file: written beside it, flushed, renamed.
    package static func write(_ text: String, to path: String, mode: mode_t = 0o600, owner: uid_t? = nil) -> Int32 {
        let new = path + ".new"
        let descriptor = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        guard descriptor >= 0 else { return errno }
        defer { close(descriptor) }
        let bytes = Array(text.utf8)
        guard Glibc.write(descriptor, bytes, bytes.count) == bytes.count else { return errno == 0 ? EIO : errno }
        if let owner, fchown(descriptor, owner, gid_t.max) != 0 { return errno }
        guard fsync(descriptor) == 0, rename(new, path) == 0 else { return errno }
        return 0
    }

    /// Makes a rename in the directory durable.
    static func flush(_ path: String) {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// The path without symbolic links, as PostgreSQL writes it down; the path itself where it does not exist.
    package static func resolved(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    /// Where a symbolic link points to, or nil.
    static func target(ofLink path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 4096)
        let capacity = bytes.count
        let count = readlink(path, &bytes, capacity)
        return count > 0 ? String(decoding: bytes[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self) : nil
    }

    /// The first directory on the way to `path` that the user may not pass through, or nil.
    static func barrier(to path: String, for user: SystemUser) -> String? {
        var prefix = ""
        for part in path.split(separator: "/").dropLast() {
            prefix += "/" + part
            var status = stat()
            guard stat(prefix, &status) == 0 else { continue }
            let bit: mode_t = status.st_uid == user.uid ? 0o100 : status.st_gid == user.gid ? 0o010 : 0o001
            if status.st_mode & bit == 0 { return prefix }
        }
        return nil
    }
}

/// A user of the operating system.
package struct SystemUser: Equatable, Sendable {
    package let name: String
    package let uid: uid_t
    package let gid: gid_t

    package init?(named name: String) {
        guard let user = SystemUser.look({ getpwnam_r(name, $0, $1, $2, $3) }) else { return nil }
        self = user
    }

    package init?(uid: uid_t) {
        guard let user = SystemUser.look({ getpwuid_r(uid, $0, $1, $2, $3) }) else { return nil }
        self = user
    }

    private init(_ entry: passwd) {
        self.name = String(cString: entry.pw_name)
        self.uid = entry.pw_uid
        self.gid = entry.pw_gid
    }

    private typealias Result = UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>

    private static func look(
        _ find: (UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int, Result) -> Int32
    ) -> SystemUser? {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 16 * 1024) { memory in
            guard let base = memory.baseAddress, find(&entry, base, memory.count, &found) == 0, let found else {
                return nil
            }
            return SystemUser(found.pointee)
        }
    }
}
