import ArgumentParser
import BrokerClient

/// How TLS is spoken, as all tools take it.
struct TransportSecurityOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The authorities to trust, in PEM, instead of the system's.", valueName: "file"))
    var cafile: String?

    @Option(help: ArgumentHelp("The same as a folder, as 'openssl rehash' makes it.", valueName: "folder"))
    var capath: String?

    @Option(help: ArgumentHelp("The client's certificate and those above it, in PEM.", valueName: "file"))
    var cert: String?

    @Option(help: ArgumentHelp("The key of the client's certificate, in PEM.", valueName: "file"))
    var keyFile: String?

    @Flag(help: "Do not verify the broker's certificate: anybody on the way may be the broker.")
    var insecure = false

    mutating func validate() throws {
        guard (self.cert == nil) == (self.keyFile == nil) else {
            throw ValidationError("--cert and --key-file come together.")
        }
        guard !self.insecure || (self.cafile == nil && self.capath == nil) else {
            throw ValidationError(
                "--insecure trusts everybody, so --cafile and --capath mean nothing: use one of them."
            )
        }
    }

    /// One of those that were given, which only mean something with TLS.
    var given: String? {
        if self.cafile != nil { return "--cafile" }
        if self.capath != nil { return "--capath" }
        if self.cert != nil { return "--cert" }
        return self.insecure ? "--insecure" : nil
    }

    var options: TLSOptions {
        var options = TLSOptions()
        options.authorityFile = self.cafile
        options.authorityFolder = self.capath
        options.certificateFile = self.cert
        options.keyFile = self.keyFile
        options.verifiesBroker = !self.insecure
        return options
    }
}
