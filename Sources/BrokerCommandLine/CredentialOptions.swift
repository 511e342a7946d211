import ArgumentParser
import BrokerClient

/// Who somebody is, as all tools take it.
struct CredentialOptions: ParsableArguments {
    @Option(name: .shortAndLong, parsing: .unconditional, help: ArgumentHelp("The user's name.", valueName: "name"))
    var username: String?

    @Option(
        name: [.customShort("P"), .customLong("pw")],
        parsing: .unconditional,
        help: ArgumentHelp("The user's password.", valueName: "password")
    )
    var password: String?

    @Option(parsing: .unconditional, help: "The token.")
    var token: String?

    @Option(
        help: ArgumentHelp(
            "The file whose first line is the token; read again for each connection, and before the token ends.",
            valueName: "file"
        )
    )
    var tokenFile: String?

    mutating func validate() throws {
        guard self.password == nil || self.username != nil else { throw ValidationError("-P needs -u.") }
        guard self.token == nil || self.tokenFile == nil else {
            throw ValidationError("--token and --token-file: use one or the other.")
        }
        guard self.username == nil || (self.token == nil && self.tokenFile == nil) else {
            throw ValidationError("A token stands instead of -u and -P: use one or the other.")
        }
        do throws(ClientError) {
            try self.written?.check()
        } catch {
            throw ValidationError("The credentials can not be sent: \(error.message).")
        }
    }

    /// Whether the command line says who somebody is.
    var areGiven: Bool { self.username != nil || self.token != nil || self.tokenFile != nil }

    /// What stands on the command line itself.
    private var written: ClientCredentials? {
        if let name = self.username { return .user(name, password: self.password ?? "") }
        return self.token.map { .token($0) }
    }

    /// What the command line and the file that it names say.
    func credentials() throws -> ClientCredentials? {
        guard let path = self.tokenFile else { return self.written }
        return try Self.token(in: path)
    }

    /// Reads the file again that the command line names, if it names one that can be read more than once.
    var freshCredentials: (@Sendable () async throws -> ClientCredentials)? {
        guard let path = self.tokenFile, SystemCall.isRegularFile(path) else { return nil }
        return { try await Self.freshToken(in: path) }
    }

    @concurrent
    private static func freshToken(in path: String) async throws -> ClientCredentials { try Self.token(in: path) }

    private static func token(in path: String) throws(InputError) -> ClientCredentials {
        let credentials = ClientCredentials.token(try Self.firstLine(of: path))
        do throws(ClientError) {
            try credentials.check()
        } catch {
            throw InputError(source: path, reason: error.message)
        }
        return credentials
    }

    /// Longer than any token; a file that is something else must not be read to its end.
    private static let tokenBytesMax = 64 * 1024

    private static func firstLine(of path: String) throws(InputError) -> String {
        let bytes = try SystemCall.readStart(of: path) { bytes in
            bytes.contains(UInt8(ascii: "\n")) || bytes.count >= Self.tokenBytesMax
        }
        var line = bytes.prefix { $0 != UInt8(ascii: "\n") }
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        return String(decoding: line, as: UTF8.self)
    }
}
