import FoundationEssentials
import Glibc
import Nostr

/// One JSON object on standard output, and the clocks that go into it.
enum Report {
    enum Value {
        case integer(Int)
        case number(Double)
        case text(String)
    }

    static func write(_ members: KeyValuePairs<String, Value>) {
        let texts = members.map { name, value -> String in
            switch value {
            case .integer(let integer): "\"\(name)\":\(integer)"
            case .number(let number): "\"\(name)\":\(number)"
            case .text(let text): "\"\(name)\":\(JSONValue.string(text).text)"
            }
        }
        print("{\(texts.joined(separator: ","))}")
        fflush(nil)
    }

    /// User and system time of all threads, in microseconds.
    static var cpu: Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) * 1e6 + Double(time.tv_nsec) / 1e3
    }

    /// The largest resident size so far, in KiB. `ru_maxrss` would remember the process that started this one.
    static var residentPeak: Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("VmHWM:") })
        else { return 0 }
        return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0
    }
}
