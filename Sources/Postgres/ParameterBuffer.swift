import CLibPQ

/// The parameters of one statement in binary format, in one reused buffer.
struct ParameterBuffer {
    private var bytes: [UInt8] = []
    /// Where each parameter begins, or −1 for NULL.
    private var offsets: [Int] = []
    private var lengths: [Int32] = []
    private var formats: [Int32] = []
    private var oids: [UInt32] = []

    mutating func encode(_ parameters: [PostgresValue]) {
        self.bytes.removeAll(keepingCapacity: true)
        self.offsets.removeAll(keepingCapacity: true)
        self.lengths.removeAll(keepingCapacity: true)
        self.formats.removeAll(keepingCapacity: true)
        self.oids.removeAll(keepingCapacity: true)
        for parameter in parameters {
            let start = self.bytes.count
            let hasBytes = parameter.encode(into: &self.bytes)
            self.offsets.append(hasBytes ? start : -1)
            self.lengths.append(Int32(self.bytes.count - start))
            self.formats.append(1)
            self.oids.append(parameter.oid)
        }
        // An empty value needs an address, too: no address is NULL.
        self.bytes.append(0)
    }

    /// Sends a prepared statement; 1 on success, as libpq says it.
    func send(_ connection: OpaquePointer, _ name: String) -> Int32 {
        self.withValues { values in
            PQsendQueryPrepared(connection, name, Int32(self.lengths.count), values, self.lengths, self.formats, 1)
        }
    }

    /// Sends a statement that is not kept.
    func sendUnnamed(_ connection: OpaquePointer, _ sql: String) -> Int32 {
        self.withValues { values in
            PQsendQueryParams(
                connection, sql, Int32(self.lengths.count), self.oids, values, self.lengths, self.formats, 1)
        }
    }

    private func withValues(_ body: (UnsafePointer<UnsafePointer<CChar>?>?) -> Int32) -> Int32 {
        self.bytes.withUnsafeBufferPointer { bytes in
            bytes.withMemoryRebound(to: CChar.self) { characters in
                let values = self.offsets.map { offset in offset < 0 ? nil : characters.baseAddress.map { $0 + offset }
                }
                return body(values)
            }
        }
    }
}
