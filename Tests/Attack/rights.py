"""What those may do who are let in: rights of section 5.8 of the catalogue of bad input."""
from __future__ import annotations

import json

from check import Checks, expect, expect_equal
from guarded import RULES, answer_to, bearer, client, code, guarded
from target import Ended, Target
from wire import http, status

checks = Checks()


@checks.add("ACL templates (A8)", "a name that is a wildcard or has levels stands for no level")
def names_as_levels(target: Target) -> None:
    other = guarded(target, "a8", ["#", "a/b", "+", "boss"])
    try:
        other.start()
    except Ended:
        # Names that no rule can mean are not even taken into the list.
        other = guarded(target, "a8-plain", ["boss"])
        other.start()
    with other:
        for name in ("#", "a/b", "+"):
            if status(answer_to(other, bearer(name))) != 101:
                continue
            with client(other, name) as opened:
                for topic in ("users/boss/secret", "users/#", f"users/{name}/x", "users/a/b/x", "#"):
                    expect(code(opened.ask({"op": "sub", "id": 1, "topic": topic})) in (4003, 4103), topic)


@checks.add("ACL templates (A8)", "a principal may go where its own name stands, and nowhere else")
def own_levels(target: Target) -> None:
    with guarded(target, "own") as other, client(other, "meter-1") as opened:
        expect_equal(code(opened.ask({"op": "pub", "id": 1, "topic": "factory/meter-1/power", "data": 1})), "ack")
        for topic in ("factory/meter-2/power", "factory/meter-1/other", "factory/power", "factory/meter-1/power/x",
                      "factory/METER-1/power", "users/meter-2/a"):
            expect_equal(code(opened.ask({"op": "pub", "id": 2, "topic": topic, "data": 1})), 4103, topic)
        for topic in ("#", "+/#", "factory/#", "users/#", "users/+/#", "$sys/#"):
            expect(code(opened.ask({"op": "sub", "id": 3, "topic": topic})) in (4003, 4103), topic)
        expect_equal(code(opened.ask({"op": "sub", "id": 4, "topic": "users/meter-1/#"})), "ack")


@checks.add("ACL templates (A8)", "what is denied stays denied, however wide a filter is asked for")
def denied(target: Target) -> None:
    with guarded(target, "denied") as other, client(other, "viewer") as opened:
        for topic in ("factory/+/power", "factory/#", "factory/secret/#", "factory/secret/+", "factory/+/#",
                      "+/secret/a"):
            expect_equal(code(opened.ask({"op": "sub", "id": 2, "topic": topic})), 4103, topic)
        expect_equal(code(opened.ask({"op": "sub", "id": 3, "topic": "factory/meter-1/power"})), "ack")
        expect_equal(code(opened.ask({"op": "get", "id": 4, "topic": "factory/secret/a"})), 4103)
        expect_equal(http(other.port, "GET", "/topics/factory/secret/a", bearer("viewer"))[0], 403)


@checks.add("ACL templates (A12)", "who loses a right loses what hangs on it: subscriptions end, publishes are refused")
def revoked(target: Target) -> None:
    with guarded(target, "a12") as other, client(other, "viewer") as viewer, client(other, "boss") as boss:
        expect_equal(code(viewer.ask({"op": "sub", "id": 1, "topic": "factory/meter-1/power"})), "ack")
        configuration = json.loads(other.configuration.read_text())
        configuration["auth"]["rules"] = RULES[:1]
        other.configuration.write_text(json.dumps(configuration))
        expect_equal(http(other.admin_port, "POST", "/reload", body=b"{}")[0], 200)
        publish = {"op": "pub", "id": 1, "topic": "factory/meter-1/power", "data": "secret-5"}
        expect_equal(code(boss.ask(publish)), "ack")
        viewer.say({"op": "ping", "id": "end"})
        heard = []
        while (found := viewer.hear()) and found.get("op") != "pong":
            heard.append(found)
        expect(not any("secret-5" in json.dumps(one) for one in heard), heard)
        expect(any(code(one) == 4103 for one in heard) or found is None, f"it was not told: {heard}")


@checks.add("ACL templates (A13)", "what a publisher has retained stays when its right goes, until it is deleted")
def retained(target: Target) -> None:
    with guarded(target, "a13") as other:
        with client(other, "meter-1") as meter:
            publish = {"op": "pub", "id": 1, "topic": "factory/meter-1/power", "data": "kept", "retain": True}
            expect_equal(code(meter.ask(publish)), "ack")
        configuration = json.loads(other.configuration.read_text())
        configuration["auth"]["rules"] = RULES[:2]
        other.configuration.write_text(json.dumps(configuration))
        expect_equal(http(other.admin_port, "POST", "/reload", body=b"{}")[0], 200)
        with client(other, "meter-1") as meter:
            expect_equal(code(meter.ask(publish)), 4103)
        expect('"kept"' in http(other.port, "GET", "/topics/factory/meter-1/power", bearer("viewer"))[1], "it is gone")
        path = "/topics/factory/meter-1/power"
        expect_equal(http(other.port, "DELETE", path, bearer("boss"))[0] // 100, 2, "deleting")
        expect_equal(http(other.port, "GET", path, bearer("viewer"))[0], 404)


@checks.add("A15", "what is forbidden sounds the same whether it is there or not")
def no_oracle(target: Target) -> None:
    with guarded(target, "a15") as other:
        with client(other, "boss") as boss:
            boss.ask({"op": "pub", "id": 1, "topic": "private/there", "data": 1, "retain": True})
        with client(other, "viewer") as viewer:
            for operation in ("get", "sub", "pub"):
                request = {"op": operation, "id": 1, "data": 1} if operation == "pub" else {"op": operation, "id": 1}
                found = [json.dumps(viewer.ask({**request, "topic": topic})).replace(topic, "*")
                         for topic in ("private/there", "private/gone")]
                expect_equal(found[0], found[1], operation)
                expect("4103" in found[0], found[0])
        for path in ("/topics/private/there", "/topics/private/gone"):
            expect_equal(http(other.port, "GET", path, bearer("viewer"))[0], 403, path)
        found, answer = http(other.port, "GET", "/topics?filter=%23", bearer("viewer"))
        expect("private/there" not in answer, "a list names it")


@checks.add("producers", "nobody speaks for somebody else's producer by its name or its epoch")
def producers(target: Target) -> None:
    with guarded(target, "producers") as other, client(other, "meter-1") as first, client(other, "meter-2") as second:
        mine = first.ask({"op": "hello", "v": 1, "producer": {"name": "m"}})["producer"]
        theirs = second.ask({"op": "hello", "v": 1, "producer": {"name": "m", "resume": True}})["producer"]
        expect(mine["epoch"] != theirs["epoch"], "they share an epoch")
        publish = {"op": "pub", "seq": 1, "topic": "factory/meter-1/power", "data": 1}
        expect_equal(code(first.ask(publish)), "ack", "the first one's number")
        with client(other, "meter-2") as third:
            claim = {"op": "hello", "v": 1, "producer": {"name": "m", "epoch": mine["epoch"]}}
            expect(code(third.ask(claim)) in (4104, 4401), "somebody else's epoch was taken")
