/// Everything that is wrong with the files of ``TLSSettings``, at once.
package struct TLSFileError: Error, Hashable, Sendable {
    /// Which of the settings names the file.
    package enum Setting: String, Sendable {
        case certificate
        case key
        case clientAuthorities
    }

    package struct Problem: Hashable, Sendable {
        package var setting: Setting
        package var text: String
    }

    package var problems: [Problem]
}
