import BrokerAggregation
import Foundation
import Testing

@testable import BrokerServer

/// What a rule may say about values, views and keys, and what it is told when that is wrong.
@Suite("Rules of topics")
struct RuleConfigurationTests {
    private func problems(_ rules: String) -> [String] {
        var loader = ConfigurationLoader()
        loader.apply(file: Array(#"{"topics":[\#(rules)]}"#.utf8), named: "config.json")
        return (loader.problems + loader.configuration.problems(registry: .builtIn)).map(\.description)
    }

    @Test(arguments: [
        #"{"topic":"a/+","aggregate":"sum","value":"/n","key":"+1","where":"/ok == true"}"#,
        #"{"topic":"b/{key}","from":"a","key":"/k","aggregate":"count"}"#,
        #"{"topic":"b/+/{key}","from":"a/+/+","key":"+2","aggregate":"count"}"#,
        #"{"topic":"m","from":"a/+","key":"+1","perKey":"last","aggregate":"max","staleAfter":"10s","maxKeys":5}"#,
        #"{"topic":"m","from":"a","key":"/k","perKey":{"max":{"who":false}},"aggregate":"sum"}"#,
        #"{"topic":"c","from":"b","aggregate":"sum"},{"topic":"b","from":"a","aggregate":"sum"}"#,
    ])
    func theseAreRight(rules: String) {
        #expect(self.problems(rules) == [])
    }

    @Test(arguments: [
        (#"{"topic":"a","aggregate":"sum","value":"n"}"#, "topics[0].value: has to be a JSON pointer"),
        (#"{"topic":"a/+","aggregate":"sum","value":"+2"}"#, "topics[0].value: '+2': there are only 1 '+'"),
        (#"{"topic":"a","aggregate":"sum","key":"+1"}"#, "topics[0].key: '+1': there are only 0 '+'"),
        (#"{"topic":"a","aggregate":"sum","where":"/a = 1"}"#, "topics[0].where: has to be a comparison"),
        (#"{"topic":"a","value":"/n"}"#, "topics[0].value: has no meaning without 'aggregate'"),
        (#"{"topic":"b","from":"a"}"#, "topics[0].aggregate: is missing"),
        (#"{"topic":"b","from":"a//b","aggregate":"sum"}"#, "topics[0].from: 'a//b'"),
        (#"{"topic":"b/{key}","aggregate":"sum","key":"/k"}"#, "topics[0].from: is missing"),
        (#"{"topic":"b/{key}","from":"a","aggregate":"sum"}"#, "topics[0].key: is missing"),
        (#"{"topic":"b/+","from":"a","aggregate":"sum"}"#, "topics[0].topic: has 1 '+' and 'from' only 0"),
        (#"{"topic":"b/#","from":"a/#","aggregate":"sum"}"#, "topics[0].topic: a view has no '#'"),
        (#"{"topic":"m","from":"a","perKey":"last","aggregate":"max"}"#, "topics[0].key: is missing"),
        (#"{"topic":"m","key":"/k","perKey":"last","aggregate":"max"}"#, "topics[0].from: is missing"),
        (#"{"topic":"m","from":"a","key":"/k","perKey":"lost","aggregate":"max"}"#, "topics[0].perKey: there is no"),
        (#"{"topic":"m","from":"a","aggregate":"max","staleAfter":"10s"}"#, "topics[0].staleAfter: has no meaning"),
        (#"{"topic":"m","from":"a","aggregate":"max","maxKeys":5}"#, "topics[0].maxKeys: has no meaning"),
        (
            #"{"topic":"m","from":"a","key":"/k","perKey":"last","aggregate":"max","staleAfter":"999ms"}"#,
            "topics[0].staleAfter: has to be a duration"
        ),
        (
            #"{"topic":"m","from":"a","key":"/k","perKey":"last","aggregate":"max","maxKeys":0}"#,
            "topics[0].maxKeys: has to be a whole number from 1"
        ),
        (
            #"{"topic":"m/{key}","from":"a","key":"/k","perKey":"last","aggregate":"max"}"#,
            "topics[0].perKey: has no meaning where '{key}'"
        ),
        (#"{"topic":"a","aggregate":"rate"}"#, "topics[0].aggregate:"),
        (#"{"topic":"a","aggregate":{"histogram":{"bounds":[2,1]}}}"#, "topics[0].aggregate: bounds"),
    ])
    func theseAreWrongAndNamed(rules: String, start: String) {
        #expect(self.problems(rules).contains { $0.hasPrefix(start) }, "\(self.problems(rules))")
    }

    @Test func aCircleOfViewsIsNamedWithItsWay() {
        let problems = self.problems(
            #"{"topic":"a","from":"c","aggregate":"sum"},{"topic":"b","from":"a","aggregate":"sum"},"#
                + #"{"topic":"c","from":"b","aggregate":"sum"}"#
        )
        #expect(
            problems
                == ["topics[0].from: the view is made from itself: 'a', made from 'c', made from 'b', made from 'a'"]
        )
    }

    @Test func aViewOfItselfIsACircleToo() {
        let problems = self.problems(#"{"topic":"a/+","from":"a/+","aggregate":"sum"}"#)
        #expect(problems == ["topics[0].from: the view is made from itself: 'a/+', made from 'a/+'"])
    }

    @Test func aViewIsKeptAsWhatItIsMadeFrom() {
        let problems = self.problems(
            #"{"topic":"a/+","aggregate":"sum","durability":"memory"},{"topic":"all","from":"a/#","aggregate":"sum"}"#
        )
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("topics[1].durability: 'disk', and 'a/+'") == true)
    }
}
