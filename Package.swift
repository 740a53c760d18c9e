// swift-tools-version: 6.2
import PackageDescription

// One list of settings for every target; the reasons are in docs/architecture.md.
let settings: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let nio: [Target.Dependency] = [
    .product(name: "NIOCore", package: "swift-nio"),
    .product(name: "NIOPosix", package: "swift-nio"),
    .product(name: "NIOHTTP1", package: "swift-nio"),
    .product(name: "NIOTLS", package: "swift-nio"),
    .product(name: "NIOWebSocket", package: "swift-nio"),
]
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let http: [Target.Dependency] = [
    .product(name: "Hummingbird", package: "hummingbird"),
    .product(name: "HummingbirdCore", package: "hummingbird"),
    .product(name: "HTTPTypes", package: "swift-http-types"),
    .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
]
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

// Bottom-up: a target may depend only on targets of the levels below its own (docs/architecture.md, TidyTests).
let package = Package(
    name: "nostr-ingest",
    products: [
        .executable(name: "nostr-ingest", targets: ["nostr-ingest"]),
        .executable(name: "control-plane", targets: ["control-plane"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", exact: "1.4.0", traits: []),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1"),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        // Level 0: system libraries.
        .systemLibrary(name: "CLibPQ", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CSecp256k1", pkgConfig: "libsecp256k1", providers: [.apt(["libsecp256k1-dev"])]),
        .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CMemory"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

        // Level 1: the rules of the NIPs, PostgreSQL in Swift, and files of lines.
        .target(name: "Nostr", dependencies: ["CSecp256k1", "CLibCrypto", "CMemory"], swiftSettings: settings),
        .target(
            name: "Postgres", dependencies: ["CLibPQ", logging], resources: [.embedInCode("SQL")],
            swiftSettings: settings),

        .target(name: "LineFiles", dependencies: ["CZlib", "CZstd"], swiftSettings: settings),

        // Level 2: sockets, the SQL of the two planes, and what every service shows its operator.
        .target(name: "RelayClient", dependencies: ["Nostr", nioSSL, logging] + nio, swiftSettings: settings),
        .target(
            name: "NostrCache", dependencies: ["Nostr", "Postgres", logging], resources: [.embedInCode("SQL")],
            swiftSettings: settings),
        .target(
            name: "ControlPlane", dependencies: ["Postgres", crypto, logging],
            resources: [.embedInCode("SQL"), .embedInCode("VectorSQL"), .embedInCode("RolesSQL")],
            swiftSettings: settings),
        .target(
            name: "Serving",
            dependencies: ["Nostr", "Postgres", logging, metrics, lifecycle, unixSignals, arguments]
                + [
                    .product(name: "CoreMetrics", package: "swift-metrics"),
                    .product(name: "Configuration", package: "swift-configuration"),
                    .product(name: "Yams", package: "Yams"),
                ] + http + nio,
            swiftSettings: settings),
        .target(
            name: "RelayWorld", dependencies: ["Nostr", "CSecp256k1"] + nio, swiftSettings: settings),

        // Level 3: policy.
        .target(
            name: "Ingest",
            dependencies: [
                "CMemory", "Nostr", "LineFiles", "RelayClient", "NostrCache", "Postgres", logging, metrics, lifecycle,
            ] + nio,
            swiftSettings: settings),
        .target(
            name: "Providers",
            dependencies: ["Nostr", "RelayClient", "NostrCache", "Postgres", logging, metrics, lifecycle] + nio,
            swiftSettings: settings),

        // Level 4: parse, wire, run.
        .executableTarget(
            name: "nostr-ingest",
            dependencies: [
                "Ingest", "Providers", "Serving", "NostrCache", "Postgres", "RelayClient", "LineFiles", "Nostr",
            ] + [logging, metrics, lifecycle, unixSignals, arguments, .product(name: "Yams", package: "Yams")] + nio,
            swiftSettings: settings),
        .executableTarget(
            name: "control-plane",
            dependencies: ["ControlPlane", "Serving", "Postgres", "Nostr", logging, metrics, lifecycle, arguments]
                + [
                    .product(name: "AsyncHTTPClient", package: "async-http-client"),
                    crypto, .product(name: "JWTKit", package: "jwt-kit"),
                ] + http + nio,
            swiftSettings: settings),
        .executableTarget(
            name: "relay-world",
            dependencies: ["RelayWorld", "Nostr", arguments, unixSignals] + nio, swiftSettings: settings),
        .executableTarget(
            name: "ingest-bench",
            dependencies: ["Ingest", "RelayWorld", "RelayClient", "NostrCache", "Postgres", "Nostr"]
                + [logging, metrics, lifecycle, arguments] + nio,
            swiftSettings: settings),
        .executableTarget(
            name: "autobahn-client", dependencies: ["RelayClient", "Nostr", logging] + nio, path: "Tests/Autobahn",
            swiftSettings: settings),

        // Tests follow the targets that they test.
        .target(
            name: "TestSupport", dependencies: ["Postgres", nioSSL, logging], path: "Tests/TestSupport",
            swiftSettings: settings),
        .testTarget(
            name: "NostrTests", dependencies: ["Nostr"], resources: [.copy("Vectors")], swiftSettings: settings),
        .testTarget(
            name: "PostgresTests", dependencies: ["Postgres", "TestSupport", logging], swiftSettings: settings),
        .testTarget(name: "LineFilesTests", dependencies: ["LineFiles"], swiftSettings: settings),
        .testTarget(
            name: "RelayClientTests", dependencies: ["RelayClient", "Nostr", "TestSupport", nioSSL, logging] + nio,
            swiftSettings: settings),
        .testTarget(
            name: "NostrCacheTests",
            dependencies: ["NostrCache", "Nostr", "Postgres", "RelayWorld", "TestSupport", "CSecp256k1", logging],
            resources: [.copy("Vectors")], swiftSettings: settings),
        .testTarget(
            name: "ControlPlaneTests", dependencies: ["ControlPlane", "Postgres", "TestSupport", crypto, logging],
            swiftSettings: settings),
        .testTarget(name: "RelayWorldTests", dependencies: ["RelayWorld", "Nostr"] + nio, swiftSettings: settings),
        .testTarget(
            name: "IngestTests", dependencies: ["Ingest", "NostrCache", "RelayClient", "RelayWorld", "Nostr"] + nio,
            swiftSettings: settings),
        .testTarget(
            name: "ProvidersTests",
            dependencies: [
                "Providers", "NostrCache", "RelayClient", "Postgres", "Nostr", "TestSupport", nioSSL, logging,
            ]
                + nio,
            swiftSettings: settings),
        .testTarget(
            name: "IntegrationTests",
            dependencies: ["Ingest", "NostrCache", "RelayClient", "RelayWorld", "Postgres", "Nostr", "TestSupport"]
                + [logging, lifecycle] + nio,
            swiftSettings: settings),
        .testTarget(
            name: "ServingTests",
            dependencies: ["Serving", "Nostr", "TestSupport", logging, metrics, lifecycle]
                + [.product(name: "CoreMetrics", package: "swift-metrics")] + http + nio,
            swiftSettings: settings),
        .testTarget(
            name: "CommandTests",
            dependencies: [
                "nostr-ingest", "Ingest", "Providers", "Serving", "NostrCache", "Nostr", "Postgres", "RelayWorld",
                "TestSupport", logging, arguments,
            ],
            swiftSettings: settings),
        .testTarget(
            name: "ControlCommandTests",
            dependencies: [
                "control-plane", "ControlPlane", "Serving", "Nostr", "Postgres", "TestSupport", logging, metrics,
                arguments,
                lifecycle, crypto, .product(name: "JWTKit", package: "jwt-kit"),
                .product(name: "AsyncHTTPClient", package: "async-http-client"),
            ] + http + nio,
            swiftSettings: settings),
        .testTarget(name: "TidyTests", swiftSettings: settings),
    ]
)
