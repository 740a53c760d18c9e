package import Nostr

/// How the service is, at one moment: what the health routes answer from.
///
/// A value that the executable makes from what the loops have noted; answering never asks a dependency.
package struct HealthReport: Equatable, Sendable {
    /// `<program>/<instance>`.
    package var serviceID: String
    package var releaseID: String
    package var time: Timestamp
    package var checks: [HealthCheck]

    package init(serviceID: String, releaseID: String, time: Timestamp, checks: [HealthCheck]) {
        self.serviceID = serviceID
        self.releaseID = releaseID
        self.time = time
        self.checks = checks
    }

    /// The worst of the checks of a probe.
    package func status(of probe: HealthCheck.Probe) -> HealthCheck.Status {
        self.checks(of: probe).map(\.status).max() ?? .pass
    }

    package func checks(of probe: HealthCheck.Probe) -> [HealthCheck] {
        self.checks.filter { $0.probes.contains(probe) }
    }
}

/// One thing that was looked at.
package struct HealthCheck: Equatable, Sendable {
    package enum Status: String, CaseIterable, Comparable, Sendable {
        case pass, warn, fail

        package static func < (one: Status, other: Status) -> Bool { one.severity < other.severity }

        private var severity: Int {
            switch self {
            case .pass: 0
            case .warn: 1
            case .fail: 2
            }
        }
    }

    /// Which question the check helps to answer (operations.md section 9).
    package enum Probe: String, CaseIterable, Hashable, Sendable {
        /// Should the process be restarted? Asks no dependency.
        case live
        /// Should it be given work?
        case ready
        /// Has it started?
        case startup
        /// How is it?
        case health
    }

    package enum ComponentType: String, Sendable {
        case datastore, component, system
    }

    package enum Value: Equatable, Sendable {
        case integer(Int64)
        case seconds(Double)
        case ratio(Double)
        case text(String)
    }

    /// In lists and in `/readyz/<name>`: letters, digits and dashes.
    package var name: String
    package var status: Status
    package var probes: Set<Probe>
    /// `component:measurement`, the key in the document.
    package var key: String
    package var componentType: ComponentType
    /// Which one, where there are several, such as a relay's URL without userinfo and query.
    package var componentID: String?
    package var value: Value?
    package var unit: String?
    /// Why it does not pass.
    package var output: String

    package init(
        _ name: String, _ status: Status, for probes: Set<Probe>, key: String,
        componentType: ComponentType = .component, componentID: String? = nil, value: Value? = nil,
        unit: String? = nil, output: String = ""
    ) {
        self.name = name
        self.status = status
        self.probes = probes
        self.key = key
        self.componentType = componentType
        self.componentID = componentID
        self.value = value
        self.unit = unit
        self.output = output
    }
}

// MARK: - JSON

extension HealthReport {
    /// The document of draft-inadarei-api-health-check; the value of a key of `checks` is an array.
    package var json: JSONValue {
        let checks = self.checks(of: .health)
        var keys: [String] = []
        for check in checks where !keys.contains(check.key) { keys.append(check.key) }
        let time = self.time.rfc3339
        let members = keys.map { key in
            JSONValue.Member(
                name: key, value: .array(checks.filter { $0.key == key }.map { $0.json(at: time) }))
        }
        return .object([
            .init(name: "status", value: .string(self.status(of: .health).rawValue)),
            .init(name: "version", value: .string("1")),
            .init(name: "releaseId", value: .string(self.releaseID)),
            .init(name: "serviceId", value: .string(self.serviceID)),
            .init(name: "checks", value: .object(members)),
        ])
    }
}

extension HealthCheck {
    fileprivate func json(at time: String) -> JSONValue {
        var members: [JSONValue.Member] = []
        if let id = self.componentID { members.append(.init(name: "componentId", value: .string(id))) }
        members.append(.init(name: "componentType", value: .string(self.componentType.rawValue)))
        if let value = self.value { members.append(.init(name: "observedValue", value: value.json)) }
        if let unit = self.unit { members.append(.init(name: "observedUnit", value: .string(unit))) }
        members.append(.init(name: "status", value: .string(self.status.rawValue)))
        members.append(.init(name: "time", value: .string(time)))
        if self.status != .pass { members.append(.init(name: "output", value: .string(self.output))) }
        return .object(members)
    }
}

extension HealthCheck.Value {
    fileprivate var json: JSONValue {
        switch self {
        case .integer(let value): .number(String(value))
        case .seconds(let value), .ratio(let value):
            // JSON has no infinities.
            value.isFinite ? .number(MetricsExposition.number(value)) : .null
        case .text(let text): .string(text)
        }
    }
}

extension Timestamp {
    /// `2026-01-02T03:04:05Z`, by the proleptic Gregorian calendar.
    package var rfc3339: String {
        func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
        let (day, second) = (self.seconds / 86_400, self.seconds % 86_400)
        // Days since 0000-03-01, so that the leap day ends a year (Hinnant, "chrono-compatible low-level date algorithms").
        let shifted = day + 719_468
        let era = shifted / 146_097
        let dayOfEra = shifted % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1_460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        let dayOfMonth = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        let padded = String(repeating: "0", count: Swift.max(0, 4 - String(year).count)) + String(year)
        return
            "\(padded)-\(two(month))-\(two(dayOfMonth))T\(two(second / 3_600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }
}
