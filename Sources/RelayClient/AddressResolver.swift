import Glibc
package import NIOCore
import NIOPosix

/// Looks up the addresses of a host: the system's resolver, or a table in a test.
package struct AddressResolver: Sendable {
    /// May block; runs on a thread of its own. Throws `RelayConnectionError.nameNotResolved`.
    let addresses: @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]

    package init(_ addresses: @escaping @Sendable (_ host: String, _ port: Int) throws -> [SocketAddress]) {
        self.addresses = addresses
    }

    /// Enough that a few dead name servers do not hold up the other relays.
    private static let threadCount = 8
    /// Of the answers of one name; more is nonsense or an attack.
    private static let addressesMax = 16

    static let threads: NIOThreadPool = {
        let threads = NIOThreadPool(numberOfThreads: Self.threadCount)
        threads.start()
        return threads
    }()

    /// `getaddrinfo`, which also orders the addresses (RFC 6724).
    package static let system = AddressResolver { host, port in
        var hints = addrinfo()
        hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        hints.ai_protocol = Int32(IPPROTO_TCP)
        var list: UnsafeMutablePointer<addrinfo>?
        let status = getaddrinfo(host, String(port), &hints, &list)
        guard status == 0 else {
            throw RelayConnectionError.nameNotResolved(message: String(cString: gai_strerror(status)))
        }
        defer { freeaddrinfo(list) }

        var addresses: [SocketAddress] = []
        for entry in sequence(first: list, next: { $0?.pointee.ai_next }).prefix(Self.addressesMax) {
            guard let entry = entry?.pointee, let address = entry.ai_addr else { break }
            switch entry.ai_family {
            case AF_INET:
                let address = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in.self)
                addresses.append(SocketAddress(address, host: host))
            case AF_INET6:
                let address = UnsafeRawPointer(address).loadUnaligned(as: sockaddr_in6.self)
                addresses.append(SocketAddress(address, host: host))
            default: continue
            }
        }
        return addresses
    }
}

/// Resolves once, judges every address, and hands NIO's happy eyeballs (RFC 8305) only those that may be dialled.
///
/// For one attempt. NIO asks for both families; one lookup answers both.
final class GuardedResolver: Resolver, Sendable {
    private let resolver: AddressResolver
    private let addressGuard: AddressGuard
    private let onlyLoopback: Bool
    private let v4: EventLoopPromise<[SocketAddress]>
    private let v6: EventLoopPromise<[SocketAddress]>

    init(_ resolver: AddressResolver, addressGuard: AddressGuard, onlyLoopback: Bool, on eventLoop: any EventLoop) {
        self.resolver = resolver
        self.addressGuard = addressGuard
        self.onlyLoopback = onlyLoopback
        self.v4 = eventLoop.makePromise()
        self.v6 = eventLoop.makePromise()
    }

    func initiateAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> { self.v4.futureResult }

    func initiateAAAAQuery(host: String, port: Int) -> EventLoopFuture<[SocketAddress]> {
        AddressResolver.threads.submit { _ in
            do {
                let addresses = try self.judged(try self.resolver.addresses(host, port))
                self.v4.succeed(addresses.filter { $0.protocol == .inet })
                self.v6.succeed(addresses.filter { $0.protocol == .inet6 })
            } catch {
                self.v4.fail(error)
                self.v6.fail(error)
            }
        }
        return self.v6.futureResult
    }

    /// A lookup under way cannot be called back; its answer is then ignored.
    func cancelQueries() {}

    /// Throws unless at least one address remains.
    private func judged(_ addresses: [SocketAddress]) throws(RelayConnectionError) -> [SocketAddress] {
        guard !addresses.isEmpty else { throw .nameNotResolved(message: "no address") }
        var refusals: [String] = []
        let allowed = addresses.filter { address in
            guard let number = IPAddress(address) else { return false }
            let refusal =
                self.onlyLoopback && !number.isLoopback
                ? "insecure TLS beyond loopback" : self.addressGuard.refusal(of: number)
            if let refusal { refusals.append(refusal) }
            return refusal == nil
        }
        guard !allowed.isEmpty else { throw .refusedByPolicy(reason: refusals.joined(separator: ", ")) }
        return allowed
    }
}
