import BrokerCore
import BrokerTransport

/// What of a configuration keeps others out, and what does not.
extension BrokerConfiguration {
    /// Whether all clients are on this machine: a proxy brings others.
    var isLocal: Bool { self.listen.isLoopback && self.proxies.isEmpty }

    /// Whether the admin listener speaks TLS: on loopback there is nobody on the way.
    var adminUsesTLS: Bool { self.listenTLS.isOn && !self.admin.isLoopback }

    /// What is wrong with TLS as far as it can be said without its files.
    var securityProblems: [ConfigurationProblem] {
        let tls = self.listenTLS
        var problems: [ConfigurationProblem] = []
        func require(_ holds: Bool, _ path: String, _ text: String) {
            if !holds { problems.append(ConfigurationProblem(path: path, text: text)) }
        }
        require(tls.isOn || tls.key.isEmpty, "listen.tls.certificate", "is missing: a key needs its certificate")
        require(!tls.isOn || !tls.key.isEmpty, "listen.tls.key", "is missing: a certificate needs its key")
        require(
            tls.clients == .none || tls.isOn,
            "listen.tls.clients",
            "\"\(tls.clientsText)\" needs listen.tls.certificate and listen.tls.key"
        )
        require(
            tls.clients == .none || !tls.clientAuthorities.isEmpty,
            "listen.tls.clientAuthorities",
            "is missing: with listen.tls.clients \"\(tls.clientsText)\" somebody has to vouch for clients"
        )
        // Whoever names authorities wants certificates, and would get clients without any.
        require(
            tls.clients != .none || tls.clientAuthorities.isEmpty,
            "listen.tls.clients",
            "\"none\" has no use for listen.tls.clientAuthorities; say \"optional\" or \"required\""
        )
        if !tls.isOn, !self.listenInsecure {
            for (name, listener) in [("listen", self.listen), ("admin", self.admin)] where !listener.isLoopback {
                let text = """
                    '\(listener.host)' can be reached from other machines, and there is no TLS. Set \
                    listen.tls.certificate and listen.tls.key, or say "listen": {"insecure": true} if the network is \
                    trusted or a proxy in front does TLS
                    """
                problems.append(ConfigurationProblem(path: "\(name).host", text: text))
            }
        }
        return problems
    }

    /// Reads the files of TLS.
    ///
    /// - Returns: `nil` without TLS.
    func readTLS() throws(ConfigurationError) -> TLSMaterial? {
        guard self.listenTLS.isOn else { return nil }
        do throws(TLSFileError) {
            return try TLSMaterial(reading: self.listenTLS, at: ProcessResources.wallClock())
        } catch {
            throw ConfigurationError(problems: error.problems.map(ConfigurationProblem.init))
        }
    }
}

extension ConfigurationProblem {
    init(_ problem: TLSFileError.Problem) {
        self.init(path: "listen.tls.\(problem.setting.rawValue)", text: problem.text)
    }
}
