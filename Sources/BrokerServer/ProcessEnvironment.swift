// Foundation for the process's environment.
import FoundationEssentials

enum ProcessEnvironment {
    static var variables: [String: String] { ProcessInfo.processInfo.environment }
}
