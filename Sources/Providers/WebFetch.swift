import NIOCore
import Nostr
package import RelayClient

/// One question to a web server that a stranger named.
///
/// `https` only, a name and no address, the usual ports, resolved once and judged before it is dialled: what
/// operations.md section 16.1 says of hints. Every redirect is such a question again.
package struct WebFetch: Sendable {
    private let options: RelayConnectionOptions
    private let resolver: AddressResolver

    /// - Parameters:
    ///   - tls: nil for the machine's trust roots.
    ///   - allowsPrivateAddresses: of tests alone, whose servers are on loopback.
    package init(
        _ settings: ProviderSettings, tls: RelayTLS? = nil, allowsPrivateAddresses: Bool = false,
        resolver: AddressResolver = .system
    ) {
        var options = RelayConnectionOptions()
        options.isHint = true
        options.allowPrivateAddresses = allowsPrivateAddresses
        options.tls = tls
        options.connectLimit = settings.requestLimit
        options.informationLimit = settings.requestLimit
        options.informationBytesMax = settings.answerBytesMax
        self.options = options
        self.resolver = resolver
    }

    /// What a question came to.
    package enum Answer: Equatable, Sendable {
        case document([UInt8])
        /// An answer that says no, and will say so tomorrow.
        case refused(reason: String)
        /// No answer; it may come later.
        case failed(reason: String)
    }

    /// - Parameter redirectsMax: 0 where the protocol forbids to follow them.
    /// - Throws: `CancellationError`.
    package func document(at url: ProviderURL, redirectsMax: Int) async throws -> Answer {
        var url = url
        for _ in 0...redirectsMax {
            let answer: DocumentRequest.Answer
            do {
                answer = try await DocumentRequest.get(
                    url.dialled, accept: "application/json", options: self.options, resolver: self.resolver)
            } catch let error as RelayConnectionError {
                return Self.answer(to: error)
            }
            switch answer {
            case .document(let body):
                return .document(Array(body.readableBytesView))
            case .status(let status, let location):
                guard (300...399).contains(status), status != 304, redirectsMax > 0 else {
                    return Self.answer(toStatus: status)
                }
                guard let next = location.flatMap({ url.following($0) }) else {
                    return .refused(reason: "redirect to no https URL")
                }
                url = next
            case .tooLarge: return .refused(reason: "answer too large")
            case .unreadable: return .failed(reason: "not HTTP, or cut off")
            }
        }
        return .refused(reason: "too many redirects")
    }

    private static func answer(to error: RelayConnectionError) -> Answer {
        switch error {
        case .refusedByPolicy(let reason): .refused(reason: "address refused: \(reason)")
        case .nameNotResolved: .failed(reason: "name not resolved")
        case .connectionRefused: .failed(reason: "connection refused")
        case .connectTimedOut: .failed(reason: "timed out")
        case .tlsFailed: .failed(reason: "TLS failed")
        case .upgradeTimedOut, .upgradeRefused, .upgradeInvalid, .closed, .sendBufferFull:
            .failed(reason: "no HTTP answer")
        }
    }

    /// 408, 425, 429 and 5xx pass (RFC 9110 section 15).
    private static func answer(toStatus status: Int) -> Answer {
        let mayPass = [408, 425, 429].contains(status) || status >= 500
        return mayPass ? .failed(reason: "status \(status)") : .refused(reason: "status \(status)")
    }
}

/// An `https` address.
package struct ProviderURL: Hashable, Sendable, CustomStringConvertible {
    /// The same address as a relay's: `https` and `wss` are alike in the URL standard, but for their names.
    let dialled: RelayURL

    /// Nil unless the text is an `https` URL without user information, of at most `RelayURL.bytesMax` bytes.
    package init?(_ text: some StringProtocol) {
        let scheme = "https:"
        let head = text.utf8.prefix(scheme.utf8.count).map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        guard head.elementsEqual(scheme.utf8),
            let url = RelayURL("wss:" + String(decoding: text.utf8.dropFirst(scheme.utf8.count), as: UTF8.self))
        else { return nil }
        self.dialled = url
    }

    package var host: String { self.dialled.host }

    /// The canonical form.
    package var description: String { "https" + self.dialled.description.dropFirst("wss".utf8.count) }

    /// Where a `Location` leads (RFC 9110 section 10.2.2): an absolute URL, or a path on the same host.
    func following(_ location: String) -> ProviderURL? {
        if location.utf8.first == UInt8(ascii: "/") {
            return location.utf8.dropFirst().first == UInt8(ascii: "/")
                ? ProviderURL("https:" + location) : ProviderURL("https://\(self.dialled.authority)\(location)")
        }
        return ProviderURL(location)
    }
}
