import Crypto
import FoundationEssentials
import Postgres

/// A client's name for one creation: the same key makes the same thing once, however often it is sent.
package struct IdempotencyKey: Hashable, Sendable {
    fileprivate let key: String
    /// SHA-256 of the request.
    fileprivate let requestHash: [UInt8]

    /// - Parameters:
    ///   - key: 1 to 255 bytes, without U+0000.
    ///   - request: everything that makes two requests the same, such as the path and the body.
    package init(_ key: String, request: [UInt8]) throws(ControlPlaneError) {
        guard (1...255).contains(key.utf8.count), !key.utf8.contains(0) else {
            throw .badRequest("an idempotency key has 1 to 255 bytes")
        }
        self.key = key
        self.requestHash = Array(SHA256.hash(data: request))
    }
}

extension CallerTransaction {
    /// The row that an earlier request with the key made.
    ///
    /// Requests of one caller with keys take turns: two that are sent at once make one row.
    ///
    /// - Throws: CONFLICT when the key came with another request.
    func made(by key: IdempotencyKey, _ operation: String) throws -> UUID? {
        try self.execute("SELECT FROM users WHERE user_id = $1 FOR NO KEY UPDATE")
        let found = try self.execute(
            "SELECT resource_id, operation = $3 AND request_hash = $4 FROM idempotency_keys WHERE user_id = $1 AND key = $2",
            [.text(key.key), .text(operation), .bytea(key.requestHash)])
        guard let row = found.first else { return nil }
        var reader = RowReader(row)
        let id = reader.uuid()
        guard reader.bool() else {
            throw ControlPlaneError.conflict("the idempotency key was used for another request")
        }
        return id
    }

    func note(_ key: IdempotencyKey, _ operation: String, made id: UUID) throws(PostgresError) {
        try self.execute(
            """
            INSERT INTO idempotency_keys (user_id, key, operation, request_hash, resource_id)
            VALUES ($1, $2, $3, $4, $5)
            """, [.text(key.key), .text(operation), .bytea(key.requestHash), .uuid(id)])
    }
}
