import Testing

@testable import BrokerCommandLine

@Suite("Option files")
struct OptionFileTests {
    @Test func aLineIsAnOptionAndTheRestOfItTheValue() throws {
        let text = """
            # where I work
            -L wss://broker.example/

              --header X-Team: blue and green \t
            -v
            -t=a\r
            """
        let arguments = try OptionFile.arguments(in: text, path: "f")
        #expect(arguments == ["-L", "wss://broker.example/", "--header", "X-Team: blue and green", "-v", "-t=a"])
    }

    @Test(arguments: ["clicks", "-", "-v\nx"])
    func aLineThatIsNoOptionIsNamed(text: String) {
        let error = #expect(throws: InputError.self) { try OptionFile.arguments(in: text, path: "/f") }
        let line = text.contains("\n") ? 2 : 1
        #expect(error?.description == "cannot read /f: line \(line) does not begin with an option")
    }

    @Test func whatCanNotBeReadIsNamed() {
        let error = #expect(throws: InputError.self) { try SystemCall.readStart(of: "/tmp") { _ in false } }
        #expect(error?.description == "cannot read /tmp: Is a directory")
    }

    @Test func itIsWhereTheUserKeepsSuchFiles() {
        #expect(OptionFile.path(of: "wspub", environment: ["HOME": "/h"]) == "/h/.config/wspub")
        let both = ["HOME": "/h", "XDG_CONFIG_HOME": "/x"]
        #expect(OptionFile.path(of: "wssub", environment: both) == "/x/wssub")
        #expect(OptionFile.path(of: "wssub", environment: [:]) == nil)
    }
}
