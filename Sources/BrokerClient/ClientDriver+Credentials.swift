import BrokerWire
import Logging
import NIOCore

/// Asking the program who the client is, and telling the broker while the connection goes on.
extension ClientDriver {
    /// A question that the program has not answered yet.
    struct CredentialsRequest {
        let number: UInt64
        let task: Task<Void, Never>
        let timeout: Scheduled<Void>
    }

    /// Asks for fresh credentials; `answered` is called on the loop with some that can be sent, or with why there are
    /// none, unless ``stopAskingForCredentials()`` or another question comes first.
    func askForCredentials(_ answered: @escaping (Result<ClientCredentials, ClientError>) -> Void) {
        guard let ask = self.configuration.freshCredentials else { return }
        self.stopAskingForCredentials()
        self.lastCredentialsRequest += 1
        let number = self.lastCredentialsRequest
        let finish: (Result<ClientCredentials, ClientError>) -> Void = { result in
            guard self.credentialsRequest?.number == number else { return }
            self.stopAskingForCredentials()
            answered(result)
        }
        let promise = self.eventLoop.makePromise(of: ClientCredentials.self)
        promise.futureResult.assumeIsolated().whenComplete { finish($0.mapError(Self.noCredentials)) }
        let task = promise.completeWithTask {
            let credentials = try await ask()
            try credentials.check()
            return credentials
        }
        let limit = self.configuration.connectTimeout
        let timeout = self.eventLoop.assumeIsolated().scheduleTask(in: TimeAmount(limit)) {
            finish(.failure(ClientError(.noCredentials, "no fresh credentials came within \(limit)")))
        }
        self.credentialsRequest = CredentialsRequest(number: number, task: task, timeout: timeout)
    }

    /// Nobody waits for an answer any more.
    func stopAskingForCredentials() {
        self.credentialsRequest?.task.cancel()
        self.credentialsRequest?.timeout.cancel()
        self.credentialsRequest = nil
    }

    private static func noCredentials(_ error: any Error) -> ClientError {
        let reason = (error as? ClientError)?.message ?? "\(error)"
        return ClientError(.noCredentials, "there are no fresh credentials: \(reason)")
    }

    // MARK: While the connection goes on

    /// The broker said that the connection's credentials end soon.
    func credentialsEndSoon() {
        self.logger.info("the credentials end soon")
        self.askForCredentials { result in
            switch result {
            case .success(let credentials): self.renew(self.configuration.identity(credentials))
            case .failure(let error): self.renewalFailed(error)
            }
        }
    }

    private func renew(_ credentials: ClientCredentials) {
        // A broker that said `bye` takes nothing new. Before the welcome it does: it has the first `hello`.
        guard self.machine.canSend || self.machine.awaitsWelcome, let connection = self.connection else { return }
        guard let token = self.renewal.offer(credentials) else {
            let reason = "there are no other credentials than those that end"
            return self.renewalFailed(ClientError(.noCredentials, reason))
        }
        var buffer = ByteBuffer()
        self.encoder.writeRenewal(token: token, to: &buffer)
        connection.write(buffer)
    }

    /// The broker said welcome on a connection that it had welcomed before.
    func renewed() {
        guard self.renewal.accepted() else { return }
        self.logger.info("the credentials are renewed")
        self.configuration.onEvent?(.credentialsRenewed)
    }

    /// The connection goes on with the credentials that it has.
    func renewalFailed(_ error: ClientError) {
        self.logger.warning("the credentials are not renewed", metadata: ["reason": "\(error)"])
        self.configuration.onEvent?(.renewalFailed(error))
    }
}
