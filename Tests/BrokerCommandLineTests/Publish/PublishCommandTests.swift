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
        let (address, topic) = (try command.connection.target().address, try command.topicOfAll())
        #expect(address == BrokerAddress(host: "127.0.0.1", port: 8181))
        #expect(topic?.description == "clicks")
        #expect(command.source.message == "6")
        #expect(command.qos == 1)
        #expect(command.maxInflight == 512)
        #expect(!command.report.quiet && !command.retain)
    }

    @Test func dashHIsTheHostAsInMosquitto() throws {
        let command = try PublishCommand.parse(["-h", "broker", "-p", "99", "-t", "a", "-l", "-r", "-q", "0"])
        #expect(try command.connection.target().address == BrokerAddress(host: "broker", port: 99))
        #expect(command.source.lines && command.retain)
        #expect(command.qos == 0)
    }

    @Test func aMessageMayBeginWithADash() throws {
        #expect(try PublishCommand.parse(["-t", "a", "-m", "-5"]).source.message == "-5")
        #expect(try PublishCommand.parse(["-t", "a", "-m", "--help"]).source.message == "--help")
        #expect(try PublishCommand.parse(["-t", "a", "-m", ""]).source.message == "")
    }

    @Test func theTopicMayStandInTheURL() throws {
        let command = try PublishCommand.parse(["--url", "ws://h:1/a/b", "-n"])
        let (address, topic) = (try command.connection.target().address, try command.topicOfAll())
        #expect(address == BrokerAddress(host: "h", port: 1, path: "/"))
        #expect(topic?.description == "a/b")
    }

    @Test func whatIsWrongIsNamed() {
        #expect(self.message("-t", "a") == "Say what to publish with one of -m, -f, -s, -l, -0, --json-lines and -n.")
        #expect(
            self.message("-t", "a", "-m", "1", "-l")
                == "Say what to publish with one of -m, -f, -s, -l, -0, --json-lines and -n."
        )
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

    private func source(_ arguments: String...) throws -> PublishSource {
        let command = try PublishCommand.parse(["-t", "a"] + arguments)
        return command.source.source(path: command.path)
    }

    @Test func messagesComeFromTheCommandLineAFileOrStandardInput() throws {
        #expect(try self.source("-m", "x") == .message(Array("x".utf8)))
        #expect(try self.source("-n") == .message(Array("null".utf8)))
        #expect(try self.source("-s") == .whole(path: nil))
        #expect(try self.source("-f", "a.json") == .whole(path: "a.json"))
        #expect(try self.source("-f", "-") == .whole(path: nil))
        #expect(try self.source("-l") == .records(.lines, path: nil))
        #expect(try self.source("-l", "-") == .records(.lines, path: nil))
        #expect(try self.source("-l", "data.jsonl") == .records(.lines, path: "data.jsonl"))
        #expect(try self.source("-0", "names") == .records(.nulSeparated, path: "names"))
        #expect(try self.source("--json-lines") == .records(.jsonLines, path: nil))
        #expect(try self.source("--producer", "p", "--resume", "-l", "f") == .records(.lines, path: "f"))
    }

    @Test func onlyRecordsMaySayThemselvesWhereTheyGo() throws {
        #expect(try PublishCommand.parse(["--json-lines"]).topicOfAll() == nil)
        #expect(try PublishCommand.parse(["--json-lines", "-t", "a"]).topicOfAll()?.description == "a")
        #expect(self.message("-l") == "The topic is missing: -t TOPIC.")
    }

    @Test func whatIsWrongAboutRepetitionsIsNamed() throws {
        let repeats = try PublishCommand.parse(["-t", "a", "-m", "1", "--repeat", "3", "--repeat-delay", "0.5"])
        let plan = PublishPlan(repeats, topic: try Topic("a"))
        #expect(plan.count == 3 && plan.delay == .milliseconds(500))
        #expect(self.message("-t", "a", "-l", "--repeat", "2") == "--repeat is for one message.")
        #expect(self.message("-t", "a", "-m", "1", "--repeat", "0") == "--repeat is a positive number.")
        #expect(self.message("-t", "a", "-m", "1", "--repeat", "1") == nil)
        #expect(self.message("-t", "a", "-m", "1", "--repeat-delay", "1") == "--repeat-delay needs --repeat.")
    }

    @Test func whatIsWrongAboutCountingOnceIsNamed() {
        let long = String(repeating: "x", count: 64)
        #expect(self.message("-t", "a", "-m", "1", "--once", long) == nil)
        #expect(self.message("-t", "a", "-m", "1", "--once", long + "x") == "--once is a key of 1 to 64 bytes.")
        #expect(self.message("-t", "a", "-m", "1", "--once", "") == "--once is a key of 1 to 64 bytes.")
        #expect(
            self.message("-t", "a", "-l", "--once", "k")
                == "--once names one message; many are numbered without it."
        )
        #expect(
            self.message("-t", "a", "-m", "1", "--once", "k", "--producer", "p")
                == "--once and --producer: use one or the other."
        )
        #expect(
            self.message("-t", "a", "-m", "1", "--once", "k", "-q", "0")
                == "--once needs -q 1: somebody has to say that it counted."
        )
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
        #expect(self.message("-t", "a", "-m", "1", "f") == "A file needs -l, -0 or --json-lines.")
    }
}
