// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who builds the broker builds it too.
let package = Package(
    name: "benchmarks",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "wsbroker", path: "..")],
    targets: [
        .executableTarget(
            name: "aggregation-bench",
            dependencies: [
                .product(name: "BrokerAggregation", package: "wsbroker"),
                .product(name: "BrokerWire", package: "wsbroker"),
            ]
        )
    ]
)
