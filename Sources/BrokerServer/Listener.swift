import Hummingbird
import NIOCore
import ServiceLifecycle

// Glibc for the name of an error number.
#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

/// One of the broker's listeners; says which one it is if it can not listen.
struct Listener: Service {
    let name: String
    let address: BrokerConfiguration.Listen
    let application: any Service

    func run() async throws {
        do {
            try await self.application.run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw BrokerError.addressInUse(listener: self.name, host: self.address.host, port: self.address.port)
        } catch let error as IOError {
            throw BrokerError.cannotListen(
                listener: self.name,
                host: self.address.host,
                port: self.address.port,
                reason: "\(error)"
            )
        }
    }
}
