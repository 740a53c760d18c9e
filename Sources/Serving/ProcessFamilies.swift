import Foundation
import Glibc

/// The standard `process_*` metrics, from `/proc/self` alone: the unit hides the rest (`ProcSubset=pid`).
package enum ProcessFamilies {
    /// The wall clock when the process started, near enough; `/proc/stat` with the time of boot is hidden.
    private static let start = Date().timeIntervalSince1970

    /// Called early, so that the start is the start.
    package static func began() { _ = self.start }

    package static var all: [MetricFamily] {
        var families = [
            MetricFamily(
                "process_start_time_seconds", .gauge, "When the process started.",
                samples: [MetricSample(value: .double(self.start))])
        ]
        if let fields = self.statistics() {
            let tick = Double(sysconf(Int32(_SC_CLK_TCK)))
            let page = Int64(sysconf(Int32(_SC_PAGESIZE)))
            let cpu = Double(fields[11] + fields[12]) / tick
            families += [
                MetricFamily(
                    "process_cpu_seconds_total", .counter, "Processor time.",
                    samples: [MetricSample(value: .double(cpu))]),
                MetricFamily(
                    "process_virtual_memory_bytes", .gauge, "Address space.",
                    samples: [MetricSample(value: .integer(fields[20]))]),
                MetricFamily(
                    "process_resident_memory_bytes", .gauge, "Resident memory.",
                    samples: [MetricSample(value: .integer(fields[21] * page))]),
            ]
        }
        if let open = try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").count {
            families.append(.single("process_open_fds", .gauge, "Open descriptors.", open))
        }
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            families.append(
                .single("process_max_fds", .gauge, "Descriptors that may be open.", Int(clamping: limit.rlim_cur)))
        }
        return families
    }

    /// The numbers of `/proc/self/stat` from field 3 on: what follows the name, which may hold anything but ends with `)`.
    private static func statistics() -> [Int64]? {
        guard let data = FileManager.default.contents(atPath: "/proc/self/stat") else { return nil }
        let text = String(decoding: data, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ").map { Int64($0) ?? 0 }
        return fields.count > 21 ? fields : nil
    }
}
