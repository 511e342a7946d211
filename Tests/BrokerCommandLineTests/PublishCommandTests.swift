import ArgumentParser
import BrokerClient
import BrokerWire
import Testing

@testable import BrokerCommandLine

@Suite("wspub's command line")
struct PublishCommandTests {
    private func message(_ arguments: String...) -> String? {
        do {
            _ = try PublishCommand.parse(arguments)
            return nil
        } catch {
            return PublishCommand.message(for: error)
        }
    }

    @Test func theDefaultsAreABrokerOnThisMachineAndAcknowledgedPublishes() throws {
        let command = try PublishCommand.parse(["-t", "clicks", "-m", "6"])
        let (address, topic) = try command.target()
        #expect(address == BrokerAddress(host: "127.0.0.1", port: 8181))
        #expect(topic.description == "clicks")
        #expect(command.message == "6")
        #expect(command.qos == 1)
        #expect(command.maxInflight == 512)
        #expect(!command.quiet && !command.retain)
    }

    @Test func dashHIsTheHostAsInMosquitto() throws {
        let command = try PublishCommand.parse(["-h", "broker", "-p", "99", "-t", "a", "-l", "-r", "-q", "0"])
        #expect(try command.target().address == BrokerAddress(host: "broker", port: 99))
        #expect(command.lines && command.retain)
        #expect(command.qos == 0)
    }

    @Test func aMessageMayBeginWithADash() throws {
        #expect(try PublishCommand.parse(["-t", "a", "-m", "-5"]).message == "-5")
        #expect(try PublishCommand.parse(["-t", "a", "-m", "--help"]).message == "--help")
        #expect(try PublishCommand.parse(["-t", "a", "-m", ""]).message == "")
    }

    @Test func theTopicMayStandInTheURL() throws {
        let (address, topic) = try PublishCommand.parse(["--url", "ws://h:1/a/b", "-n"]).target()
        #expect(address == BrokerAddress(host: "h", port: 1, path: "/"))
        #expect(topic.description == "a/b")
    }

    @Test func whatIsWrongIsNamed() {
        #expect(self.message("-t", "a") == "Say what to publish with one of -m, -l, -s and -n.")
        #expect(self.message("-t", "a", "-m", "1", "-l") == "Say what to publish with one of -m, -l, -s and -n.")
        #expect(self.message("-m", "1") == "The topic is missing: -t TOPIC.")
        #expect(
            self.message("-t", "a/+", "-m", "1")
                == "The topic 'a/+' holds a wildcard, which only a subscription may."
        )
        #expect(self.message("-t", "a", "-m", "1", "-q", "2") == "-q is 0 or 1.")
        #expect(self.message("-t", "a", "-m", "1", "-M", "0") == "-M is a number from 1 to 1024.")
        #expect(self.message("-t", "a", "-m", "1", "-M", "1025") == "-M is a number from 1 to 1024.")
        #expect(self.message("-t", "a", "-m", "1", "-M", "1024") == nil)
        #expect(self.message("-t", "a", "-m", "1", "-W", "0") == "-W is a positive number of seconds.")
        #expect(self.message("-t", "a", "-m", "1", "-W", "nan") == "-W is a positive number of seconds.")
        #expect(self.message("-t", "a", "-m", "1", "-p", "65536") == "The port is a number from 1 to 65535.")
        #expect(
            self.message("-t", "a", "-m", "1", "--url", "ws://h", "-p", "1")
                == "--url stands instead of -h and -p: use one or the other."
        )
        #expect(
            self.message("--url", "ws://h/a", "-t", "a", "-m", "1")
                == "The topic stands both in --url and behind -t."
        )
        #expect(
            self.message("--url", "http://h/a", "-m", "1")
                == "'http://h/a' does not begin with ws:// or wss://"
        )
    }

    @Test func helpIsAnAnswerAndNamesTheExitStatus() throws {
        let error = try #require(throws: (any Error).self) { try PublishCommand.parse(["--help"]) }
        #expect(PublishCommand.exitCode(for: error) == .success)
        #expect(PublishCommand.fullMessage(for: error).contains("Exit status: 0 success;"))
    }

    // MARK: Producers

    private func producer(_ arguments: String...) throws -> ClientConfiguration.Producer {
        let command = try PublishCommand.parse(["-t", "a"] + arguments)
        return command.producer.kind(isAcknowledged: command.qos == 1)
    }

    @Test func publishesAreNumberedUnlessThatIsOfNoUse() throws {
        #expect(try self.producer("-m", "1") == .ephemeral)
        #expect(try self.producer("-m", "1", "--producer", "m-1") == .named("m-1"))
        #expect(try self.producer("-l", "f", "--producer", "m-1", "--resume") == .resuming("m-1"))
        #expect(try self.producer("-m", "1", "--no-producer") == .none)
        #expect(try self.producer("-m", "1", "-q", "0") == .none)
    }

    @Test func linesComeFromAFileOrStandardInput() throws {
        #expect(try PublishCommand.parse(["-t", "a", "-l"]).linesPath == nil)
        #expect(try PublishCommand.parse(["-t", "a", "-l", "-"]).linesPath == nil)
        #expect(try PublishCommand.parse(["-t", "a", "-l", "data.jsonl"]).linesPath == "data.jsonl")
        #expect(try PublishCommand.parse(["--producer", "p", "--resume", "-l", "f", "-t", "a"]).linesPath == "f")
    }

    @Test func whatIsWrongAboutAProducerIsNamed() {
        #expect(self.message("-t", "a", "-m", "1", "--resume") == "--resume needs --producer.")
        #expect(
            self.message("-t", "a", "-m", "1", "--resume", "--producer", "p")
                == "--resume needs -l: the number of a line is that of its publish."
        )
        #expect(
            self.message("-t", "a", "-m", "1", "--no-producer", "--producer", "p")
                == "--producer and --no-producer: use one or the other."
        )
        #expect(
            self.message("-t", "a", "-m", "1", "-q", "0", "--producer", "p")
                == "--producer needs -q 1: fire and forget has no numbers."
        )
        #expect(
            self.message("-t", "a", "-m", "1", "--producer", "a/b")
                == "--producer is 1 to 64 of the characters A-Z a-z 0-9 _ . : -"
        )
        let long = String(repeating: "x", count: 64)
        #expect(self.message("-t", "a", "-m", "1", "--producer", long) == nil)
        #expect(self.message("-t", "a", "-m", "1", "--producer", long + "x") != nil)
        #expect(self.message("-t", "a", "-m", "1", "f") == "A file needs -l.")
    }
}
