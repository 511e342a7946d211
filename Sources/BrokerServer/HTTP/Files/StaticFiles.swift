// Foundation to read folders and files.
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore

/// The page and what belongs to it: files of one folder, read once at the start and served from memory.
struct StaticFiles: Sendable {
    struct File: Sendable {
        let contentType: String
        let tag: String
        let content: ByteBuffer
    }

    /// By the path that each is served at.
    let files: [String: File]

    /// Larger ones are somebody's mistake.
    private static let fileBytesMax = 8 << 20
    private static let contentTypes = [
        "html": "text/html; charset=utf-8", "js": "text/javascript; charset=utf-8",
        "mjs": "text/javascript; charset=utf-8", "css": "text/css; charset=utf-8",
        "ts": "text/plain; charset=utf-8", "json": "application/json", "svg": "image/svg+xml", "png": "image/png",
        "ico": "image/x-icon", "webmanifest": "application/manifest+json", "map": "application/json",
        "txt": "text/plain; charset=utf-8",
    ]
    /// Those that have a path of their own; all others are below `/dashboard/`.
    private static let ownPaths = [
        "index.html": "/", "wsbroker.js": "/wsbroker.js", "wsbroker.d.ts": "/wsbroker.d.ts",
        "openapi.json": "/openapi.json",
    ]
    private static let pagePaths = "/dashboard/"

    /// - Parameters:
    ///   - folder: Where the files are, if that was said; else where they are installed, or in the sources.
    ///   - chart: The library that the page draws with, wherever the system has it.
    ///   - hasPage: Whether the page is served; the descriptions of the interface always are.
    init(folder: String, chart: String, hasPage: Bool) {
        var files: [String: File] = [:]
        let found = Self.candidates(folder).first { FileManager.default.fileExists(atPath: $0) }
        for name in found.flatMap({ try? FileManager.default.contentsOfDirectory(atPath: $0) }) ?? [] {
            guard let found, !name.hasPrefix("."), let file = Self.read("\(found)/\(name)") else { continue }
            files[Self.ownPaths[name] ?? Self.pagePaths + name] = file
        }
        if let chart = Self.read(chart) { files[Self.pagePaths + "chart.js"] = chart }
        if !hasPage { files = files.filter { $0.key != "/" && !$0.key.hasPrefix(Self.pagePaths) } }
        self.files = files
    }

    private static func candidates(_ folder: String) -> [String] {
        guard folder.isEmpty else { return [folder] }
        let executable = URL(fileURLWithPath: CommandLine.arguments.first ?? "").resolvingSymlinksInPath()
        let program = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        let programFolder = (program.map { URL(fileURLWithPath: $0) } ?? executable).deletingLastPathComponent()
        let sources = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        return [
            programFolder.appendingPathComponent("../share/wsbroker/dashboard").standardized.path,
            sources.appendingPathComponent("Dashboard").path,
        ]
    }

    private static func read(_ path: String) -> File? {
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue,
            let content = FileManager.default.contents(atPath: path), content.count <= Self.fileBytesMax
        else { return nil }
        let type = path.split(separator: ".").last.flatMap { Self.contentTypes[String($0)] }
        return File(
            contentType: type ?? "application/octet-stream",
            tag: "\"\(Self.hash(content))\"",
            content: ByteBuffer(bytes: content)
        )
    }

    /// FNV-1a: tells versions of a file apart, and nobody gains by making two alike.
    private static func hash(_ content: Data) -> String {
        let hash = content.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        return String(hash, radix: 36)
    }

    private static func isForAllPages(_ path: String) -> Bool { path != "/" && Self.ownPaths.values.contains(path) }

    /// What a page may do: load what comes from here, and speak to brokers.
    private static let contentSecurityPolicy = """
        default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; \
        base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        """

    /// The answer to a `GET` or `HEAD` of a file, if there is one at the path.
    func response(to request: Request, path: String) -> Response? {
        guard let file = self.files[path] else { return nil }
        var headers: HTTPFields = [
            .contentType: file.contentType, .eTag: file.tag, .cacheControl: "no-cache",
            .contentSecurityPolicy: Self.contentSecurityPolicy, .xContentTypeOptions: "nosniff",
        ]
        // The client and the descriptions are for pages from anywhere; what they may ask is another matter.
        if Self.isForAllPages(path) { headers[.accessControlAllowOrigin] = "*" }
        if let name = HTTPField.Name("Referrer-Policy") { headers[name] = "no-referrer" }
        guard request.method == .get || request.method == .head else {
            return HTTPRefusal.wrongMethod(allowed: "GET, HEAD").response
        }
        if EntityTag.matches(request.headers[.ifNoneMatch], file.tag) {
            return Response(status: .notModified, headers: headers)
        }
        return .whole(.ok, headers, file.content, to: request)
    }
}
