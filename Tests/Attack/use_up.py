"""What somebody without a right could use up, so that there is none left for others."""
from __future__ import annotations

from check import Checks, expect, expect_equal
from guarded import client, code, guarded
from target import Target
from wire import Connection, status

checks = Checks()

READER_AND_METERS = [
    {"allow": ["subscribe"], "principal": "viewer", "topics": ["factory/#"]},
    {"allow": ["publish"], "principal": "meter-*", "topics": ["factory/{sub}/#"]},
]


@checks.add("use up", "who may not publish makes no producers that are remembered, resuming or not")
def producers(target: Target) -> None:
    limits = {"producers": 10}
    with guarded(target, "use-up-producers", auth={"rules": READER_AND_METERS}, limits=limits) as other:
        for number in range(30):
            with client(other, "viewer") as viewer:
                hello = {"op": "hello", "v": 1, "producer": {"name": f"p{number}", "resume": True}}
                expect_equal(code(viewer.ask(hello)), "welcome", f"hello {number}")
        for number in range(10):
            with client(other, "meter-1") as meter:
                hello = {"op": "hello", "v": 1, "producer": {"name": f"m{number}", "resume": True}}
                expect_equal(code(meter.ask(hello)), "welcome", f"the meter's hello {number}")
        with client(other, "meter-1") as meter:
            answer = meter.ask({"op": "hello", "v": 1, "producer": {"name": "one-more"}})
            expect_equal(code(answer), 4205, "the one past limits.producers")


@checks.add("use up", "who may publish makes only its own producers be forgotten")
def shares(target: Target) -> None:
    limits = {"producers": 10}
    with guarded(target, "use-up-shares", auth={"rules": READER_AND_METERS}, limits=limits) as other:
        with client(other, "meter-1") as meter:
            epoch = meter.ask({"op": "hello", "v": 1, "producer": {"name": "m"}})["producer"]["epoch"]
        for number in range(40):
            with client(other, "meter-2") as meter:
                meter.ask({"op": "hello", "v": 1, "producer": {"name": f"p{number}"}})
        with client(other, "meter-1") as meter:
            answer = meter.ask({"op": "hello", "v": 1, "producer": {"name": "m", "epoch": epoch}})
            expect_equal(code(answer), "welcome", "the other one's producer")


@checks.add("use up", "subscribing to names that are made up leaves room for the topics of others")
def topics(target: Target) -> None:
    limits = {"topics": 12_000}
    with guarded(target, "use-up-topics", auth={"rules": READER_AND_METERS}, limits=limits) as other:
        with client(other, "viewer") as viewer:
            for number in range(15_000):
                topic = f"factory/made-up/{number}"
                viewer.say({"op": "sub", "id": number, "topic": topic})
                viewer.say({"op": "unsub", "id": number, "topic": topic})
                answers = [viewer.hear(), viewer.hear()]
                expect(all(answer and answer["op"] == "ack" for answer in answers), answers)
        with client(other, "meter-1") as meter:
            answer = meter.ask({"op": "pub", "id": 1, "topic": "factory/meter-1/power", "data": 1})
            expect_equal(code(answer), "ack", "a publish to a new topic")


@checks.add("use up", "a body that drips behind its refusal does not keep the connection")
def dripping_body(target: Target) -> None:
    with guarded(target, "use-up-drip") as other, Connection(other.port) as connection:
        head = "POST /topics/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        connection.send(head.encode())
        expect_equal(status(connection.head()), 401, "without a token")
        connection.socket.settimeout(0.2)
        for _ in range(100):
            connection.send(b"1")
            try:
                if not connection._more():
                    return
            except TimeoutError:
                continue
        expect(False, "it was there after 20 s")
