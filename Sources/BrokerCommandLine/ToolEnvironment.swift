/// The variables of the environment that the tools read.
enum ToolEnvironment {
    /// Stands instead of the process's own environment, for tests.
    @TaskLocal static var variables: [String: String]?

    /// The broker and the topic, where the command line names none.
    static var url: String? { Self.value("WSBROKER_URL") }

    /// The token, where the command line names nobody.
    static var token: String? { Self.value("WSBROKER_TOKEN") }

    /// A variable that is empty is one that somebody has switched off.
    private static func value(_ name: String) -> String? {
        let value = Self.variables.map { $0[name] } ?? SystemCall.environment(name)
        return value?.isEmpty == true ? nil : value
    }
}
