import BrokerAggregation
import Testing

/// What the built-in aggregators refuse to be configured with, and where they say it is.
@Suite struct BuiltInParameterTests {
    private static func path(_ name: String, _ parameters: String, windowMilliseconds: Int64? = 60_000) -> String? {
        do throws(AggregatorError) {
            _ = try BuiltInRules.factory(name, parameters, windowMilliseconds: windowMilliseconds)
        } catch .configuration(let path, _) {
            return path
        } catch {
            return "\(error)"
        }
        return nil
    }

    @Test(arguments: [
        ("max", #"{"who":1}"#, "who"), ("min", #"{"who":"yes"}"#, "who"), ("max", #"{"whom":true}"#, "whom"),
        ("range", #"{"who":true}"#, "who"), ("first", #"{"x":1}"#, "x"), ("variance", "{}", "kind"),
        ("variance", #"{"kind":"both"}"#, "kind"), ("variance", #"{"kind":null}"#, "kind"),
        ("stddev", #"{"kind":1}"#, "kind"), ("stddev", #"{"kind":"Sample"}"#, "kind"),
        ("stddev", #"{"kind":"sample","n":1}"#, "n"), ("stats", #"{"fields":[]}"#, "fields"),
        ("stats", #"{"fields":"sum"}"#, "fields"), ("stats", #"{"fields":["sum",7]}"#, "fields.1"),
        ("stats", #"{"fields":["sum","mean"]}"#, "fields.1"), ("stats", #"{"fields":["sum","avg","sum"]}"#, "fields.2"),
        ("stats", #"{"kind":"both"}"#, "kind"), ("stats", #"{"field":["sum"]}"#, "field"),
        ("rate", #"{"per":1}"#, "per"), ("rate", #"{"over":"1s"}"#, "over"),
    ])
    func aWrongParameterIsRefusedByItsPath(name: String, parameters: String, path: String) {
        #expect(Self.path(name, parameters) == path)
    }

    @Test(arguments: [
        "", "1", "s", "0s", "-1s", "+1s", "1.5s", "1 s", "1w", "1S", "٣s", "9223372036854775808ms", "106751991168d",
    ])
    func aRateIsPerAWholeTimeWithItsUnit(per: String) {
        #expect(Self.path("rate", #"{"per":"\#(per)"}"#) == "per")
    }

    @Test(arguments: ["1ms", "1s", "1m", "1h", "1d", "9223372036854775807ms", "106751991167d"])
    func aRateIsPerAnyTimeThatAWindowMayHave(per: String) {
        #expect(Self.path("rate", #"{"per":"\#(per)"}"#) == nil)
    }

    @Test(arguments: [nil, 0, -1])
    func aRateNeedsAWindow(milliseconds: Int64?) {
        #expect(Self.path("rate", "{}", windowMilliseconds: milliseconds) == "")
    }

    @Test(arguments: ["", "null", "[]", "1", "{"])
    func parametersAreAnObject(text: String) {
        for name in BuiltInRules.names { #expect(Self.path(name, text) == "", "\(name)") }
    }

    @Test func everyAggregatorSaysWhatItTakesAndGives() {
        for descriptor in AggregatorRegistry.builtIn.descriptors {
            #expect(descriptor.summary.hasSuffix("."), "\(descriptor.name)")
            #expect(!descriptor.output.isEmpty, "\(descriptor.name)")
            for parameter in descriptor.parameters {
                #expect(!parameter.form.isEmpty && !parameter.summary.isEmpty, "\(descriptor.name)")
            }
        }
    }
}
