import ArgumentParser
import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("wssub's command line")
struct SubscribeCommandTests {
    private func message(_ arguments: String...) -> String? {
        do {
            _ = try SubscribeCommand.parse(arguments)
            return nil
        } catch {
            return SubscribeCommand.message(for: error)
        }
    }

    @Test func filtersAddUpAndCountOnce() throws {
        let command = try SubscribeCommand.parse([
            "-t", "a/+", "-t", "b/#", "-t", "a/+", "--url", "ws://h/c/#", "-v",
        ])
        let (address, filters) = try command.target()
        #expect(address == BrokerAddress(host: "h"))
        #expect(filters.map(\.description) == ["a/+", "b/#", "c/#"])
        #expect(command.display.verbose)
    }

    @Test func theOptionsOfTheSubscriptionAreThoseOfTheCommandLine() throws {
        #expect(try SubscribeCommand.parse(["-t", "a"]).choice.options == SubscriptionOptions())
        let command = try SubscribeCommand.parse([
            "-t", "a", "--latest", "--max-rate", "2.5", "--no-echo", "-R", "-C", "3", "-W", "0.5",
        ])
        #expect(
            command.choice.options == SubscriptionOptions(mode: .latest, maxRate: 2.5, echo: false, retained: false)
        )
        #expect(command.ending.count == 3)
        #expect(command.ending.timeout == 0.5)
        #expect(try SubscribeCommand.parse(["-t", "a", "--all"]).choice.options.mode == .all)
        // An option file may say one, and the command line another.
        #expect(try SubscribeCommand.parse(["-t", "a", "--all", "--latest"]).choice.options.mode == .latest)
    }

    @Test func aFormatGoesBeforeVerbose() throws {
        let verbose = try SubscribeCommand.parse(["-t", "a", "-v"]).display.format()
        #expect(verbose == MessageFormat(isVerbose: true))
        let formatted = try SubscribeCommand.parse(["-t", "a", "-v", "-F", "-%p"]).display.format()
        #expect(try formatted == MessageFormat("-%p"))
    }

    @Test func whatIsWrongIsNamed() {
        #expect(self.message() == "The topic is missing: -t TOPIC.")
        #expect(self.message("-t", "a//b") == "The topic filter 'a//b' has an empty level.")
        #expect(self.message("-t", "a", "-C", "0") == "-C is a positive number.")
        #expect(self.message("-t", "a", "--max-rate", "0") == "--max-rate is a number from 0.001 to 1000000.")
        #expect(
            self.message("-t", "a", "--max-rate", "1", "--all")
                == "--max-rate skips messages, which --all must not: use one of them."
        )
        #expect(
            self.message("-t", "a", "-F", "%q")
                == "In the format '%q' means nothing; there are %t %p %d %j %J %l %r %o %e %V %x %X %I %U and %%."
        )
        #expect(self.message("-t", "a", "--until", "value") != nil)
        #expect(self.message("-t", "a", "-T", "a//b") == "The topic filter 'a//b' has an empty level.")
        #expect(self.message("-t", "a", "--json", "-w") == "-F, --json and -w: use one of them.")
        #expect(
            self.message("-t", "a", "--exec", "cat", "-v")
                == "--exec prints nothing itself: -v, -F, --json and -w do not go with it."
        )
        #expect(
            self.message("-t", "a", "-R", "--retained-only")
                == "-R leaves out what --retained-only wants: use one or the other."
        )
        #expect(self.message("-t", "a", "--idle", "0") == "--idle is a positive number of seconds.")
    }
}
