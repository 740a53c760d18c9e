import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Serving

/// Why a document of keys was not accepted.
enum KeyFetchError: Error, Equatable, CustomStringConvertible {
    case status(Int)
    case tooLarge
    case unreadable
    case notAKeySet

    var description: String {
        switch self {
        case .status(let code): "answered with status \(code)"
        case .tooLarge: "more than \(JSONWebKeySet.bytesMax) bytes"
        case .unreadable: "the file cannot be read"
        case .notAKeySet: "no JSON Web Key Set"
        }
    }
}

/// Where the keys come from, as an operator may name it.
enum KeyLocation: Hashable, Sendable {
    case file(String)
    case url(String)

    /// Absolute path, `https://…`, or `http://…` of this machine: elsewhere anybody on the way could put his own key in.
    init?(_ text: String) {
        if text.hasPrefix("/") {
            self = .file(text)
            return
        }
        guard let url = URLComponents(string: text), let host = url.host, !host.isEmpty, url.user == nil,
            url.password == nil, url.fragment == nil
        else { return nil }
        let bare = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        guard url.scheme == "https" || (url.scheme == "http" && LoopbackName.isLoopback(bare)) else { return nil }
        self = .url(text)
    }
}

/// Gets the document: no redirects, few bytes, little time.
struct KeyFetcher: Sendable {
    private static let timeLimit = TimeAmount.seconds(5)

    let location: KeyLocation
    private let client: HTTPClient

    init(_ location: KeyLocation) {
        var configuration = HTTPClient.Configuration()
        // A redirect could lead from https to anywhere.
        configuration.redirectConfiguration = .disallow
        configuration.timeout = .init(connect: Self.timeLimit, read: Self.timeLimit)
        configuration.decompression = .disabled
        self.location = location
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async {
        try? await self.client.shutdown()
    }

    func fetch() async throws -> [UInt8] {
        switch self.location {
        case .file(let path):
            guard let data = FileManager.default.contents(atPath: path) else { throw KeyFetchError.unreadable }
            guard data.count <= JSONWebKeySet.bytesMax else { throw KeyFetchError.tooLarge }
            return Array(data)
        case .url(let url):
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "Accept", value: "application/json")
            let response = try await self.client.execute(request, timeout: Self.timeLimit)
            guard response.status == .ok else { throw KeyFetchError.status(Int(response.status.code)) }
            do {
                return Array(buffer: try await response.body.collect(upTo: JSONWebKeySet.bytesMax))
            } catch is NIOTooManyBytesError {
                throw KeyFetchError.tooLarge
            }
        }
    }
}
