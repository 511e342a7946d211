// swift-tools-version: 6.2
import PackageDescription

// A broker of one's own with one aggregator more. In a project of yours the path is the repository's address.
let package = Package(
    name: "my-broker",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "wsbroker", path: "../..")],
    targets: [
        .target(
            name: "MyAggregators",
            dependencies: [.product(name: "BrokerAggregation", package: "wsbroker")]
        ),
        .executableTarget(
            name: "my-broker",
            dependencies: [
                "MyAggregators", .product(name: "BrokerAggregation", package: "wsbroker"),
                .product(name: "BrokerServer", package: "wsbroker"),
            ]
        ),
        .testTarget(
            name: "MyAggregatorsTests",
            dependencies: [
                "MyAggregators", .product(name: "AggregatorTestKit", package: "wsbroker"),
                .product(name: "BrokerAggregation", package: "wsbroker"),
                .product(name: "BrokerWire", package: "wsbroker"),
            ]
        ),
    ]
)
