import BrokerCore
import BrokerTransport

/// What a configuration allows that an operator should know of each time the broker starts.
///
/// None of it is wrong, or it would be a problem; all of it was said in so many words.
///
/// - Returns: A sentence each, with its key in front.
func unsafeSettings(of configuration: BrokerConfiguration) -> [ConfigurationProblem] {
    var warnings: [ConfigurationProblem] = []
    func warn(_ applies: Bool, _ path: String, _ text: String) {
        if applies { warnings.append(ConfigurationProblem(path: path, text: text)) }
    }
    let (listen, admin) = (configuration.listen, configuration.admin)
    let usesTLS = configuration.listenTLS.isOn
    // Whoever has to show a certificate is not anonymous.
    let meetsStrangers = !configuration.isLocal && configuration.listenTLS.clients != .required
    let place = listen.isLoopback ? "the proxy" : "'\(listen.host)'"
    warn(
        !listen.isLoopback && !usesTLS,
        "listen.insecure",
        "what clients say and hear at '\(listen.host)' can be read and changed by everybody on the way"
    )
    warn(
        meetsStrangers && configuration.access.anonymous.contains(.publish),
        "auth.anonymous",
        "everybody who reaches \(place) may publish"
    )
    warn(
        meetsStrangers && configuration.access.anonymous.contains(.admin),
        "auth.anonymous",
        "everybody who reaches \(place) may reset and delete topics"
    )
    warn(
        !admin.isLoopback && configuration.access.permissions(of: .anonymous).mayWithAll(.admin),
        "auth.anonymous",
        "everybody who reaches '\(admin.host)' may see all topics, delete them and close connections"
    )
    warn(
        configuration.authentication.queryToken,
        "auth.queryToken",
        "tokens in URLs end up in the histories of browsers and the logs of proxies"
    )
    warn(
        !admin.isLoopback && !usesTLS,
        "listen.insecure",
        "what administrators say and hear at '\(admin.host)' can be read and changed by everybody on the way"
    )
    return warnings
}
