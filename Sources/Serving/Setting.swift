/// Why a text is no value of a setting.
package struct SettingRefusal: Error, Equatable {
    package let reason: String

    package init(reason: String) {
        self.reason = reason
    }
}

/// One key of a program's configuration with a single value: its name, its type, its range, and where it goes.
package struct Setting<Root: Sendable>: Sendable {
    /// Dotted, as in the file.
    package let key: String
    package let isSecret: Bool
    /// Numbers, durations and sizes are written without quotes.
    package let isQuotable: Bool
    package let apply: @Sendable (String, inout Root) throws(SettingRefusal) -> Void
    /// The value as the file would say it.
    package let show: @Sendable (Root) -> String

    package typealias Target<Value> = WritableKeyPath<Root, Value> & Sendable

    /// Any other kind of value.
    package static func value<Value>(
        _ key: String, _ path: any Target<Value>, isQuotable: Bool = true, isSecret: Bool = false,
        show: @escaping @Sendable (Value) -> String, read: @escaping @Sendable (String) throws(SettingRefusal) -> Value
    ) -> Setting {
        Setting(key: key, isSecret: isSecret, isQuotable: isQuotable) { (text, root) throws(SettingRefusal) in
            root[keyPath: path] = try read(text)
        } show: {
            show($0[keyPath: path])
        }
    }

    package static func integer(_ key: String, _ range: ClosedRange<Int>, _ path: any Target<Int>) -> Setting {
        self.value(key, path, isQuotable: false, show: { String($0) }) { text throws(SettingRefusal) in
            guard let number = DigitText.integer(text) else {
                throw SettingRefusal(reason: "expected an integer, found '\(text)'")
            }
            guard range.contains(number) else {
                throw SettingRefusal(
                    reason: "\(number) is out of range: \(range.lowerBound) to \(range.upperBound)")
            }
            return number
        }
    }

    package static func size(_ key: String, _ range: ClosedRange<Int>, _ path: any Target<Int>) -> Setting {
        self.value(key, path, isQuotable: false, show: { ByteSize.text($0) }) { text throws(SettingRefusal) in
            guard let bytes = ByteSize.bytes(text) else {
                throw SettingRefusal(reason: "expected a size such as 64KiB or 16MiB, found '\(text)'")
            }
            guard range.contains(bytes) else {
                let (low, high) = (ByteSize.text(range.lowerBound), ByteSize.text(range.upperBound))
                throw SettingRefusal(reason: "\(text) is out of range: \(low) to \(high)")
            }
            return bytes
        }
    }

    package static func duration(
        _ key: String, _ range: ClosedRange<Duration>, _ path: any Target<Duration>
    ) -> Setting {
        self.value(key, path, isQuotable: false, show: { DurationText.text($0) }) { text throws(SettingRefusal) in
            try Self.duration(text, range)
        }
    }

    /// A duration that is kept in whole seconds.
    package static func seconds(
        _ key: String, _ range: ClosedRange<Duration>, _ path: any Target<Int64>
    ) -> Setting {
        self.value(key, path, isQuotable: false, show: { DurationText.text(.seconds($0)) }) {
            text throws(SettingRefusal) in
            let duration = try Self.duration(text, range)
            guard duration.components.attoseconds == 0 else {
                throw SettingRefusal(reason: "expected whole seconds, found '\(text)'")
            }
            return duration.components.seconds
        }
    }

    private static func duration(
        _ text: String, _ range: ClosedRange<Duration>
    ) throws(SettingRefusal) -> Duration {
        guard let duration = DurationText.duration(text) else {
            throw SettingRefusal(
                reason: "expected a duration with its unit, such as 500ms, 30s, 15m, 6h or 30d, found '\(text)'")
        }
        guard range.contains(duration) else {
            let (low, high) = (DurationText.text(range.lowerBound), DurationText.text(range.upperBound))
            throw SettingRefusal(reason: "\(text) is out of range: \(low) to \(high)")
        }
        return duration
    }

    package static func flag(_ key: String, _ path: any Target<Bool>) -> Setting {
        self.value(key, path, isQuotable: false, show: { String($0) }) { text throws(SettingRefusal) in
            guard let value = Bool(text) else {
                throw SettingRefusal(reason: "expected true or false, found '\(text)'")
            }
            return value
        }
    }

    package static func choice<Value: RawRepresentable & CaseIterable & SendableMetatype>(
        _ key: String, _ path: any Target<Value>
    ) -> Setting where Value.RawValue == String, Value.AllCases: SendableMetatype {
        self.value(key, path, show: { $0.rawValue }) { text throws(SettingRefusal) in
            if let value = Value(rawValue: text) { return value }
            let known = Value.allCases.map(\.rawValue)
            throw SettingRefusal(reason: "expected one of \(known.joined(separator: ", ")), found '\(text)'")
        }
    }
}

// MARK: - Kinds that every program has

extension Setting {
    /// A connection string of libpq; shown without what may be a secret.
    package static func connectionString(_ key: String, _ path: any Target<String>) -> Setting {
        self.value(key, path, isSecret: true, show: { $0.isEmpty ? "" : ConnectionString.redacted($0) }) {
            text throws(SettingRefusal) in text
        }
    }

    package static func schemaName(_ key: String, _ path: any Target<String>) -> Setting {
        self.value(key, path, show: { $0 }) { text throws(SettingRefusal) in
            guard text.utf8.count <= 63, !text.utf8.contains(0) else {
                throw SettingRefusal(reason: "a schema's name has at most 63 bytes")
            }
            return text
        }
    }

    /// Or nothing.
    package static func absolutePath(_ key: String, _ path: any Target<String>) -> Setting {
        self.value(key, path, show: { $0 }) { text throws(SettingRefusal) in
            guard text.isEmpty || text.hasPrefix("/") else {
                throw SettingRefusal(reason: "expected an absolute path, found '\(text)'")
            }
            return text
        }
    }

    /// Nil is written `off`.
    package static func listenAddress(_ key: String, _ path: any Target<ListenAddress?>) -> Setting {
        self.value(key, path, show: { $0?.description ?? "off" }) { text throws(SettingRefusal) in
            text == "off" ? nil : try Self.address(text, or: ", or off")
        }
    }

    package static func listenAddress(_ key: String, _ path: any Target<ListenAddress>) -> Setting {
        self.value(key, path, show: { $0.description }) { text throws(SettingRefusal) in try Self.address(text, or: "")
        }
    }

    private static func address(_ text: String, or alternative: String) throws(SettingRefusal) -> ListenAddress {
        if let address = ListenAddress(text) { return address }
        throw SettingRefusal(
            reason: "expected host:port, such as 127.0.0.1:9464 or [::1]:9464\(alternative); found '\(text)'")
    }
}
