import NIOCore
import NIOSSL

/// How servers are verified; built once and shared, since reading the trust roots costs milliseconds and megabytes.
///
/// Always TLS 1.2 or newer, always the whole chain and the name (operations.md section 16.2).
package struct RelayTLS: Sendable {
    let context: NIOSSLContext
    /// Nothing is verified, so nothing but loopback is dialled.
    let isInsecure: Bool

    /// - Parameters:
    ///   - caFile: a PEM file of further trust roots.
    ///   - insecureForTests: verifies nothing; connections to other addresses than loopback are then refused.
    package init(caFile: String? = nil, insecureForTests: Bool = false) throws(RelayConnectionError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = insecureForTests ? .none : .fullVerification
        // Servers that speak several protocols must not choose HTTP/2 (RFC 7301).
        configuration.applicationProtocols = ["http/1.1"]
        if let caFile { configuration.additionalTrustRoots = [.file(caFile)] }
        do {
            self.context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw .tlsFailed(message: "\(error)")
        }
        self.isInsecure = insecureForTests
    }

    /// The machine's trust roots.
    static let standard = Result<RelayTLS, RelayConnectionError> { () throws(RelayConnectionError) in try RelayTLS() }

    /// - Parameter host: goes into SNI and is what the certificate must name; for an address, its own bytes must.
    func makeHandler(host: String) throws -> NIOSSLClientHandler {
        // RFC 6066 section 3: an address is no server name.
        try NIOSSLClientHandler(context: self.context, serverHostname: IPAddress(host) == nil ? host : nil)
    }
}
