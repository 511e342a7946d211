import BrokerTransport
import Logging

extension Logger {
    /// Says what of a certificate and its key should be different.
    func warn(of material: TLSMaterial?) {
        for warning in material?.warnings ?? [] {
            self.warning("a setting is not safe", metadata: ["setting": "\(ConfigurationProblem(warning))"])
        }
    }
}
