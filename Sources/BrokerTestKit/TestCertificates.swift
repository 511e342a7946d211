// Foundation for the path of the folder.
import Foundation

/// Certificates for tests of TLS, made by `openssl` in a folder that goes with this value.
///
/// | | |
/// |---|---|
/// | `ca` | an authority |
/// | `server` | its certificate for `localhost` and 127.0.0.1 |
/// | `elsewhere` | its certificate for `elsewhere.test` |
/// | `renewed` | its next certificate for `localhost`, with another key |
/// | `client` | its certificate for a client, `somebody` by common name |
/// | `client-dns` | the same, `meter-17.test` by DNS name and somebody else by common name |
/// | `client-uri` | the same, `urn:meter:17` by URI and somebody else by the other names |
/// | `client-long` | the same with a URI of 129 bytes |
/// | `client-nobody` | the same without a name |
/// | `client-strange` | the same with a name that turns the direction of writing around |
/// | `client-two` | the same with two common names, of which `somebody` is the last |
/// | `stranger` | a client's that has signed itself |
/// | `alone` | one for `localhost` that has signed itself |
/// | `expired` | the authority's for `localhost`, of which the last day is over |
package struct TestCertificates: Sendable {
    private let folder: TemporaryDirectory

    /// Makes them all.
    package static func make() async throws -> TestCertificates {
        let folder = try TemporaryDirectory()
        let openssl = try ChildProcess("/bin/sh", ["-c", Self.script], in: URL(fileURLWithPath: folder.path))
        let end = await openssl.wait()
        guard end.status == 0 else { throw Failure(text: end.errors) }
        return Self(folder: folder)
    }

    /// The file of a certificate.
    package func certificate(_ name: String) -> String { self.folder.file("\(name).pem") }

    /// The file of its key.
    package func key(_ name: String) -> String { self.folder.file("\(name).key") }

    /// The file of anything else.
    package func file(_ name: String) -> String { self.folder.file(name) }

    struct Failure: Error {
        let text: String
    }

    private static let script = """
        set -e
        make() {
            name=$1; shift
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 \
                -keyout "$name.key" -out "$name.pem" "$@"
        }
        make ca -subj '/CN=Authority of a test'
        make server -CA ca.pem -CAkey ca.key -subj /CN=localhost -addext basicConstraints=CA:FALSE \
            -addext subjectAltName=DNS:localhost,IP:127.0.0.1
        make elsewhere -CA ca.pem -CAkey ca.key -subj /CN=elsewhere.test -addext basicConstraints=CA:FALSE \
            -addext subjectAltName=DNS:elsewhere.test
        make renewed -CA ca.pem -CAkey ca.key -subj /CN=localhost -addext basicConstraints=CA:FALSE \
            -addext subjectAltName=DNS:localhost,IP:127.0.0.1
        make client -CA ca.pem -CAkey ca.key -subj /CN=somebody -addext basicConstraints=CA:FALSE
        make client-dns -CA ca.pem -CAkey ca.key -subj /CN=else -addext basicConstraints=CA:FALSE \
            -addext subjectAltName=DNS:meter-17.test
        make client-uri -CA ca.pem -CAkey ca.key -subj /CN=else -addext basicConstraints=CA:FALSE \
            -addext subjectAltName=DNS:else.test,URI:urn:meter:17
        make client-long -CA ca.pem -CAkey ca.key -subj /CN=else -addext basicConstraints=CA:FALSE \
            -addext "subjectAltName=URI:urn:$(printf '%0125d' 0)"
        make client-nobody -CA ca.pem -CAkey ca.key -subj /O=somewhere -addext basicConstraints=CA:FALSE
        make client-strange -CA ca.pem -CAkey ca.key -utf8 -subj "/CN=$(printf 'a\\342\\200\\256b')" \
            -addext basicConstraints=CA:FALSE
        make client-two -CA ca.pem -CAkey ca.key -subj /CN=everybody/CN=somebody -addext basicConstraints=CA:FALSE
        make stranger -subj /CN=stranger
        openssl req -new -key server.key -out expired.csr -subj /CN=localhost
        cp server.key expired.key
        openssl x509 -req -in expired.csr -days -1 -CA ca.pem -CAkey ca.key -CAcreateserial -out expired.pem
        make alone -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1
        """
}
