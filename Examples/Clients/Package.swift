// swift-tools-version: 6.2
import PackageDescription

// Three small programs on the Swift client. In a project of yours the path is the repository's address.
let package = Package(
    name: "clients",
    platforms: [.macOS(.v15)],
    dependencies: [.package(name: "wsbroker", path: "../..")],
    targets: ["publisher", "subscriber", "request"].map { name in
        .executableTarget(name: name, dependencies: [.product(name: "BrokerClient", package: "wsbroker")])
    }
)
