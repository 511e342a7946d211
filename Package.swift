// swift-tools-version: 6.2
import PackageDescription

// CI sets this. It is not unconditional, because a warning that a newer compiler adds would then break every package
// that depends on this one.
let warningsAreErrors = Context.environment["WSBROKER_WARNINGS_AS_ERRORS"] != nil

// In release builds only; debug builds, tests and sanitizers check what these leave out. See decision 0017.
let optimizations: [SwiftSetting] = [
    .unsafeFlags(["-enforce-exclusivity=unchecked", "-cross-module-optimization"], .when(configuration: .release))
]

let settings: [SwiftSetting] =
    [
        .enableUpcomingFeature("ExistentialAny"),
        .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"),
        .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableUpcomingFeature("InferIsolatedConformances"),
    ] + (warningsAreErrors ? [.treatAllWarnings(as: .error)] : []) + optimizations

extension Target.Dependency {
    static let nioCore: Self = .product(name: "NIOCore", package: "swift-nio")
    static let nioPosix: Self = .product(name: "NIOPosix", package: "swift-nio")
    static let nioHTTP1: Self = .product(name: "NIOHTTP1", package: "swift-nio")
    static let nioSSL: Self = .product(name: "NIOSSL", package: "swift-nio-ssl")
    static let nioTLS: Self = .product(name: "NIOTLS", package: "swift-nio")
    static let x509: Self = .product(name: "X509", package: "swift-certificates")
    static let asn1: Self = .product(name: "SwiftASN1", package: "swift-asn1")
    static let nioEmbedded: Self = .product(name: "NIOEmbedded", package: "swift-nio")
    static let nioConcurrency: Self = .product(name: "NIOConcurrencyHelpers", package: "swift-nio")
    static let nioHTTPTypes: Self = .product(name: "NIOHTTPTypes", package: "swift-nio-extras")
    static let nioHTTPTypesHTTP1: Self = .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
    static let httpTypes: Self = .product(name: "HTTPTypes", package: "swift-http-types")
    static let hummingbird: Self = .product(name: "Hummingbird", package: "hummingbird")
    static let hummingbirdCore: Self = .product(name: "HummingbirdCore", package: "hummingbird")
    static let lifecycle: Self = .product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
    static let unixSignals: Self = .product(name: "UnixSignals", package: "swift-service-lifecycle")
    static let grdb: Self = .product(name: "GRDB", package: "GRDB.swift")
    static let sqlite: Self = .product(name: "GRDBSQLite", package: "GRDB.swift")
    static let jwt: Self = .product(name: "JWTKit", package: "jwt-kit")
    static let crypto: Self = .product(name: "Crypto", package: "swift-crypto")
    static let cryptoExtras: Self = .product(name: "CryptoExtras", package: "swift-crypto")
    static let argumentParser: Self = .product(name: "ArgumentParser", package: "swift-argument-parser")
    static let logging: Self = .product(name: "Logging", package: "swift-log")
    static let metrics: Self = .product(name: "Metrics", package: "swift-metrics")
}

// Floors: a target imports only what stands below it. CI builds with
// `--explicit-target-dependency-import-check error`, so a missing line here is a build error, not a review comment.
let package = Package(
    name: "wsbroker",
    platforms: [.macOS(.v15)],
    products: [
        .executable(name: "wsbroker", targets: ["wsbroker"]),
        .executable(name: "wspub", targets: ["wspub"]),
        .executable(name: "wssub", targets: ["wssub"]),
        .executable(name: "wsbench", targets: ["wsbench"]),
        .library(name: "BrokerWire", targets: ["BrokerWire"]),
        .library(name: "BrokerAggregation", targets: ["BrokerAggregation"]),
        .library(name: "AggregatorTestKit", targets: ["AggregatorTestKit"]),
        .library(name: "BrokerClient", targets: ["BrokerClient"]),
        .library(name: "BrokerServer", targets: ["BrokerServer"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/apple/swift-asn1", from: "1.7.4"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.1"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/vapor/jwt-kit", from: "5.7.1"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        // 0
        .target(name: "BrokerWire", dependencies: [.nioCore]),
        // 1
        .target(name: "BrokerAggregation", dependencies: ["BrokerWire"]),
        // 2
        .target(name: "BrokerCore", dependencies: ["BrokerAggregation", "BrokerWire", .nioCore, .logging, .metrics]),
        .target(name: "BrokerClient", dependencies: ["BrokerWire", .nioCore, .nioPosix, .nioSSL, .logging]),
        // 3
        .target(
            name: "BrokerTransport",
            dependencies: [
                "BrokerCore", "BrokerWire", .nioCore, .nioHTTP1, .nioHTTPTypes, .nioHTTPTypesHTTP1, .httpTypes,
                .hummingbirdCore, .logging, .nioSSL, .nioTLS, .x509, .asn1,
            ]
        ),
        .target(name: "BrokerStore", dependencies: ["BrokerCore", "BrokerWire", .grdb, .sqlite, .nioCore, .logging]),
        // 4
        .target(
            name: "BrokerServer",
            dependencies: [
                "BrokerAggregation", "BrokerCore", "BrokerStore", "BrokerTransport", "BrokerWire", .argumentParser,
                .crypto, .httpTypes, .hummingbird, .hummingbirdCore, .jwt, .lifecycle, .unixSignals, .logging, .nioCore,
                .nioPosix,
            ],
            // Served from a folder; as resources of the package they would link all of Foundation for their accessor.
            exclude: ["Dashboard"]
        ),
        .target(
            name: "BrokerCommandLine",
            dependencies: [
                "BrokerClient", "BrokerWire", .argumentParser, .logging, .nioCore, .nioPosix,
            ]
        ),
        // 5
        .executableTarget(name: "wsbroker", dependencies: ["BrokerAggregation", "BrokerServer"]),
        .executableTarget(name: "wspub", dependencies: ["BrokerCommandLine"]),
        .executableTarget(name: "wssub", dependencies: ["BrokerCommandLine"]),
        .executableTarget(name: "wsbench", dependencies: ["BrokerCommandLine"]),
        // For the tests of aggregators, ours and other people's.
        .target(name: "AggregatorTestKit", dependencies: ["BrokerAggregation", "BrokerWire"]),
        // Only tests and benchmarks import it.
        .target(
            name: "BrokerTestKit",
            dependencies: [
                "BrokerAggregation", "BrokerCore", "BrokerServer", "BrokerStore", "BrokerWire", .logging, .nioCore,
                .nioPosix, .nioSSL,
            ]
        ),

        .testTarget(name: "BrokerWireTests", dependencies: ["BrokerWire", .nioCore]),
        .testTarget(
            name: "BrokerAggregationTests",
            dependencies: ["AggregatorTestKit", "BrokerAggregation", "BrokerWire"],
            // Expected values and the script that made them; the tests find them by their own path.
            exclude: ["Reference"]
        ),
        .testTarget(
            name: "BrokerCoreTests",
            dependencies: ["BrokerAggregation", "BrokerCore", "BrokerTestKit", "BrokerWire", .logging, .nioCore]
        ),
        .testTarget(
            name: "BrokerClientTests",
            dependencies: [
                "BrokerClient", "BrokerTestKit", "BrokerWire", .logging, .nioCore, .nioEmbedded, .nioPosix, .nioSSL,
            ]
        ),
        .testTarget(
            name: "BrokerTransportTests",
            dependencies: [
                "BrokerAggregation", "BrokerCore", "BrokerTestKit", "BrokerTransport", "BrokerWire", .logging, .nioCore,
                .nioEmbedded, .nioPosix, .nioSSL, .hummingbirdCore,
            ]
        ),
        .testTarget(
            name: "BrokerStoreTests",
            dependencies: ["BrokerCore", "BrokerStore", "BrokerTestKit", "BrokerWire", .grdb, .logging]
        ),
        .testTarget(
            name: "BrokerServerTests",
            dependencies: [
                "BrokerAggregation", "BrokerCore", "BrokerServer", "BrokerTestKit", "BrokerTransport", "BrokerWire",
                .crypto, .cryptoExtras, .logging, .nioCore,
            ]
        ),
        .testTarget(
            name: "BrokerCommandLineTests",
            dependencies: ["BrokerClient", "BrokerCommandLine", "BrokerWire", .argumentParser]
        ),
        // The core and the client together, which no other target may import together.
        .testTarget(
            name: "SimulationTests",
            dependencies: [
                "BrokerAggregation", "BrokerClient", "BrokerCore", "BrokerTestKit", "BrokerWire", .logging, .nioCore,
                .nioEmbedded,
            ]
        ),
        .testTarget(
            name: "EndToEndTests",
            dependencies: [
                "BrokerClient", "BrokerServer", "BrokerTestKit", "BrokerWire", .logging, .nioCore, .nioPosix, .nioSSL,
                "wsbroker", "wspub", "wssub", "wsbench",
            ]
        ),
        .testTarget(name: "TidyTests"),
        // What the conformance suites talk to: the broker's transport with an echo behind it.
        .executableTarget(
            name: "ConformanceEcho",
            dependencies: [
                "BrokerCore", "BrokerTransport", "BrokerWire", .hummingbird, .hummingbirdCore, .logging, .nioCore,
                .nioPosix,
            ],
            path: "Tests/ConformanceEcho"
        ),
    ]
)

// What it measures is inside this package, so it is a target of it, but of `make bench` only.
if Context.environment["WSBROKER_BENCHMARKS"] != nil {
    package.targets.append(
        .executableTarget(
            name: "parts-bench",
            dependencies: [
                "BrokerAggregation", "BrokerCore", "BrokerStore", "BrokerTestKit", "BrokerWire", .logging, .nioCore,
                .sqlite,
            ],
            path: "Benchmarks/Parts"
        )
    )
}

// For `make doc` only, so that nobody who uses or builds this package fetches it.
if Context.environment["WSBROKER_DOCC"] != nil {
    package.dependencies.append(.package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"))
}

for target in package.targets {
    target.swiftSettings = settings
}
