import HTTPTypes
import Hummingbird

/// `POST /reload`: reads the configuration again, as SIGHUP does, and says what came of it.
struct ReloadRoute: Sendable {
    let reloader: Reloader

    struct Failure: Codable {
        var reason: String
        /// Each thing that is wrong, by itself.
        var problems: [String]
    }

    func respond() async -> Response {
        switch await self.reloader.reload() {
        case .success(let outcome):
            return .json(.ok, encoding: outcome)
        case .failure(let failure):
            let status: HTTPResponse.Status =
                switch failure {
                case .configuration: .unprocessableContent
                case .rules: .conflict
                case .stopping: .serviceUnavailable
                }
            return .json(status, encoding: Failure(reason: "\(failure)", problems: failure.problems))
        }
    }
}
