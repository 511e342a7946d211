"""The kinds of holes that brokers and WebSocket servers have had, each tried on this one.

The names are those of docs/security.md, where each has its rule.
"""
from __future__ import annotations

import gzip
import json
import random
import signal
import threading
import time
from collections.abc import Callable

from check import Checks, expect, expect_equal
from target import Target
from wire import BINARY, CLOSE, PING, PONG, TEXT, Client, Connection, announced, frame, handshake, http, status

checks = Checks()


def closed_with(target: Target, code: int, data: bytes, what: str) -> None:
    with Client(target.port) as client:
        client.send(data)
        expect_equal(client.close_code(), code, what)


# ---- inflate bound

@checks.add("inflate bound", "nothing is ever inflated: no extension, no bit of one, no coding of a body")
def inflate(target: Target) -> None:
    bomb = gzip.compress(bytes(30 << 20))
    with Client(target.port, "Sec-WebSocket-Extensions: permessage-deflate") as client:
        expect("sec-websocket-extensions" not in client.answer.lower(), client.answer)
        client.send(frame(TEXT, bomb[:60_000], first=0xC1))
        expect_equal(client.close_code(), 1002, "a frame with RSV1")
    found, answer = http(target.port, "POST", "/topics/news", "Content-Encoding: gzip", body=bomb)
    expect(found in (400, 413, 415), answer)


# ---- length arithmetic

@checks.add("length arithmetic", "a length is checked when it is read, and nothing is reserved for it")
def lengths(target: Target) -> None:
    before = target.memory()
    for size, code in [((1 << 64) - 1, 1002), (1 << 63, 1002), ((1 << 63) - 1, 1009), (1 << 62, 1009), (65_537, 1009)]:
        for first in (0x81, 0x82, 0x01):
            closed_with(target, code, announced(size, first), f"{size:#x} behind {first:#x}")
    closed_with(target, 1002, announced(5), "5 in eight bytes")
    part = frame(TEXT, b" " * 60_000, first=0x01)
    for size, code in [((1 << 63) - 1, 1009), ((1 << 64) - 60_000, 1002), (6000, 1009)]:
        tail = announced(size, 0x80) if size > 65_535 else frame(0, b" " * size)
        closed_with(target, code, part + tail, f"a fragment of {size:#x} more")
    closed_with(target, 1002, frame(PING, bytes(126)), "a ping of 126")
    lots = "9" * 400
    post = "POST /topics/news HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    for length in ("18446744073709551615", "9223372036854775807", "-1", "+1", "1e9", "0x10", "1, 2", lots):
        with Connection(target.port) as connection:
            connection.send(f"{post}Content-Length: {length}\r\n\r\n1".encode())
            # Refused, or cut off because it does not come.
            expect(status(connection.rest().decode("latin-1")) in (0, 400, 413), f"Content-Length {length[:20]}")
    for size in ("FFFFFFFFFFFFFFFF", "7FFFFFFFFFFFFFFF", "-1", "G", "1" * 400):
        with Connection(target.port) as connection:
            connection.send(f"{post}Transfer-Encoding: chunked\r\n\r\n{size}\r\n1".encode())
            expect(status(connection.rest().decode("latin-1")) in (0, 400, 413), f"a chunk of {size[:20]}")
    expect(target.memory() < before + (32 << 20), f"memory grew from {before} to {target.memory()}")


# ---- many small things

@checks.add("many small things", "fragments, pings, requests and subscriptions are counted, not their bytes only")
def small_things(target: Target) -> None:
    closed_with(target, 1008, frame(TEXT, first=0x01) + frame(0, first=0) * 100_000, "empty fragments")
    closed_with(target, 1008, frame(TEXT, b" ", first=0x01) + frame(0, b" ", first=0) * 20_000, "fragments of a byte")
    with Client(target.port) as client:
        # Read beside it, or the broker stops reading, as it should.
        count = 20_000
        sender = threading.Thread(target=client.send, args=(frame(PING, b"x") * count,), daemon=True)
        sender.start()
        for _ in range(count):
            expect_equal(client.frame(), (PONG, b"x"), "a flood of pings")
        sender.join()
    with Client(target.port) as client:
        for number in range(128):
            expect_equal(client.ask({"op": "sub", "id": number, "topic": f"own/{number}"}).get("op"), "ack")
        expect_equal(client.ask({"op": "sub", "id": 1, "topic": "one/more"}).get("code"), 4205, "129 subscriptions")
    with Client(target.port) as client:
        for _ in range(30):
            client.say("nonsense")
        expect_equal(client.close_code(), 4304, "nonsense without end")
    with Connection(target.port) as connection:
        request = b"GET /topics/nothing HTTP/1.1\r\nHost: a\r\n"
        connection.send((request + b"\r\n") * 999 + request + b"Connection: close\r\n\r\n")
        expect_equal(connection.rest().count(b"HTTP/1.1 404 "), 1000, "pipelined requests")


@checks.add("many small things", "a frame that is begun has to end in time")
def unfinished(target: Target) -> None:
    closed_with(target, 1008, frame(TEXT, b"{" * 100)[:50], "half of a frame")


# ---- assert or trap reachable

HOSTILE = [
    '{"op":"pub","id":1,"topic":"clicks","data":%s}' % data for data in
    ("1e999999999", "-1e-999999999", "9" * 5000, "0." + "0" * 5000 + "1", "170141183460469231731687303715884105728",
     "-0", "1e400", "1e-400", "NaN", "Infinity", "01", "+1", "1.", ".1", '"1"', "null", "[]", "{}", "true")
] + [
    '{"op":"pub","id":%s,"topic":"news","data":1}' % number for number in
    ("9007199254740992", "-1", "1.5", "1e999", '"' + "x" * 65 + '"', "null", "{}")
] + [
    '{"op":"pub","seq":%s,"topic":"clicks","data":1}' % number for number in
    ("0", "18446744073709551615", "18446744073709551616", "-1", "1.5", '"1"')
] + [
    r'{"op":"pub","id":1,"topic":"news","data":"\ud800"}', r'{"op":"pub","id":1,"topic":"\ud800","data":1}',
    r'{"op":"pub","id":1,"topic":"a\u0000b","data":1}', '{"op":"sub","id":1,"topic":"#","maxRate":0}',
    '{"op":"sub","id":1,"topic":"clicks","maxRate":-1}', '{"op":"sub","id":1,"topic":"clicks","maxRate":1e300}',
    '{"op":"sub","id":1,"topic":"clicks","since":{"epoch":"r1","offset":18446744073709551615}}',
    '{"op":"hello","v":-9223372036854775808}', '{"op":"hello","producer":{"name":"","epoch":0}}',
    '{"op":"hello","producer":{"name":"m","epoch":18446744073709551615,"acked":18446744073709551615}}',
    '{"op":"hello","producer":{"name":"m","acked":9007199254740991}}', '{"op":"reset","id":1,"topic":"clicks"}',
    "{}", "[]", "null", "", "\0", "{", '{"op":', '{"op":"pub","op":"sub"}', '"', "\ufeff{}",
]


@checks.add("assert or trap reachable", "whatever a message says, it is answered or its connection is closed")
def hostile_messages(target: Target) -> None:
    for message in HOSTILE:
        with Client(target.port) as client:
            client.say(message)
            client.say({"op": "ping", "id": "after"})
            client.send(frame(CLOSE, b"\x03\xe8"))
            client.rest()
        expect(target.is_running, f"it ended at {message[:200]}")
    for payload in (b"\x03", b"\0\0", b"\x03\xed", b"\xff\xff", b"\x03\xe8\xff", b"\x03\xe8" + b"a" * 124):
        with Client(target.port) as client:
            client.send(frame(CLOSE, payload))
            client.rest()


@checks.add("assert or trap reachable", "noise, and bits flipped in requests and frames, end nothing but a connection")
def noise(target: Target) -> None:
    generator = random.Random(20_261_126)
    for _ in range(150):
        with Connection(target.port) as connection:
            request = bytearray(handshake())
            for _ in range(generator.randrange(4)):
                request[generator.randrange(len(request))] ^= 1 << generator.randrange(8)
            body = bytearray(frame(TEXT, b'{"op":"pub","id":1,"topic":"clicks","data":1}') * 3)
            for _ in range(generator.randrange(6)):
                body[generator.randrange(len(body))] ^= 1 << generator.randrange(8)
            connection.send(bytes(request + body) if generator.randrange(4) else generator.randbytes(600))
            connection.socket.shutdown(1)
            connection.rest()
        expect(target.is_running, "it ended")


# ---- recursion

@checks.add("recursion", "JSON that nests without end is refused without following it")
def nesting(target: Target) -> None:
    for opening, closing in (("[", "]"), ('{"a":', "}")):
        for depth in (33, 1000, 10_000):
            data = opening * depth + "1" + closing * depth
            with Client(target.port) as client:
                found = client.ask('{"op":"pub","id":1,"topic":"news","data":%s}' % data)
                expect_equal(found.get("code"), 4000, f"{depth} deep")
            expect_equal(http(target.port, "POST", "/topics/news", body=data.encode())[0], 400, f"{depth} deep")


# ---- regular expression or split

@checks.add("regex/split", "what is long is read once: no input within the limits takes seconds")
def long_inputs(target: Target) -> None:
    inputs: list[Callable[[], object]] = [
        lambda: http(target.port, "GET", "/ws", "Sec-WebSocket-Protocol: b" + " " * 12_000 + "x"),
        lambda: http(target.port, "GET", "/ws", "Sec-WebSocket-Protocol: " + "," * 12_000),
        lambda: http(target.port, "GET", "/topics/" + "a/" * 5000 + "b"),
        lambda: http(target.port, "GET", "/topics?" + "&" * 12_000),
        lambda: http(target.port, "GET", "/topics/a", "If-None-Match: " + '"' * 12_000),
        lambda: http(target.port, "GET", "/topics/a", "Accept: " + "*/*;q=0," * 1500),
    ]
    for number, ask in enumerate(inputs):
        begin = time.monotonic()
        ask()
        expect(time.monotonic() - begin < 2, f"input {number} took {time.monotonic() - begin:.1f} s")
    with Client(target.port) as client:
        begin = time.monotonic()
        for number in range(100):
            client.say({"op": "sub", "id": number, "topic": "+/" * 31 + "#"})
            client.say({"op": "unsub", "id": number, "topic": "+/" * 31 + "#"})
            client.say({"op": "pub", "id": number, "topic": "a/" * 31 + "a", "data": "\\" * 500})
        client.ask({"op": "ping", "id": "last"})
        expect(time.monotonic() - begin < 5, "filters and topics of 32 levels")


# ---- fail-open configuration

@checks.add("fail-open config", "a configuration that is empty, cut off or half understood starts nothing (78)")
def configurations(target: Target) -> None:
    broken = target.another("broken")
    for text in ("", "{", "null", "[]", '{"auth":{"anonymous":"publish"}}', '{"auth":{"anonymous":["everything"]}}',
                 '{"auth":null}', '{"auth":{"anonymus":[]}}', '{"limits":{"connections":-1}}',
                 '{"auth":{"anonymous":[]}} trailing', '{"listen":{"host":"0.0.0.0"}}'):
        broken.configuration.write_text(text)
        ended = broken.refusal()
        expect_equal(ended.status, 78, f"{text!r}: {ended.text.strip()[-100:]}")


@checks.add("fail-open config", "an empty list of rights is no right")
def no_rights(target: Target) -> None:
    with target.another("closed", auth={"anonymous": []}) as closed:
        for request in ({"op": "pub", "data": 1}, {"op": "sub"}, {"op": "get"}):
            with Client(closed.port) as client:
                expect_equal(client.ask({**request, "id": 1, "topic": "clicks"}).get("code"), 4100)
        expect_equal(http(closed.port, "POST", "/topics/clicks", body=b"1")[0], 401)


@checks.add("fail-open config", "a reload that fails keeps what was in force")
def failed_reload(target: Target) -> None:
    with target.another("reload", auth={"anonymous": ["subscribe"]}) as other:
        for text in ("", "{", '{"topics":[{"topic":"a/#/b"}]}', '{"auth":{"anonymous":["everything"]}}'):
            other.configuration.write_text(text)
            expect_equal(http(other.admin_port, "POST", "/reload", body=b"{}")[0], 422, text)
            with Client(other.port) as client:
                expect_equal(client.ask({"op": "pub", "id": 1, "topic": "clicks", "data": 1}).get("code"), 4103, text)
                expect_equal(client.ask({"op": "sub", "id": 2, "topic": "clicks"}).get("op"), "ack", text)


# ---- dedupe not atomic

@checks.add("dedupe not atomic", "one `once` on many connections at the same time counts once")
def racing_onces(target: Target) -> None:
    answers: list[dict] = []
    gate = threading.Barrier(16)

    def publish() -> None:
        with Client(target.port) as client:
            gate.wait()
            answers.append(client.ask({"op": "pub", "id": 1, "topic": "own/once", "once": "race", "data": 1}))

    threads = [threading.Thread(target=publish) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    expect_equal([answer.get("data") for answer in answers], [1] * 16, "totals")
    expect_equal(sum("dup" not in answer for answer in answers), 1, "first ones")


@checks.add("dedupe not atomic", "a number that was acknowledged, or not yet, counts once after kill -9")
def killed_between(target: Target) -> None:
    with target.another("killed") as other:
        hello = {"op": "hello", "v": 1, "producer": {"name": "m"}}
        sent = 0
        for _ in range(5):
            with Client(other.port) as client:
                welcome = client.ask(hello)["producer"]
                hello["producer"]["epoch"] = welcome["epoch"]
                # All of them again, and some more of which nobody waits for the answer.
                expect(welcome["next"] <= sent + 1, welcome)
                for number in range(1, sent + 20):
                    client.say({"op": "pub", "seq": number, "topic": "clicks", "data": 1})
                sent += 19
                client.hear()
                other.stop(signal.SIGKILL)
            other.start()
        with Client(other.port) as client:
            client.ask(hello)
            for number in range(1, sent + 1):
                client.say({"op": "pub", "seq": number, "topic": "clicks", "data": 1})
            client.say({"op": "get", "id": "total", "topic": "clicks"})
            while (found := client.hear()) and found.get("id") != "total":
                pass
            expect_equal((found or {}).get("data"), sent)


# ---- use after free in lists of subscribers

@checks.add("use-after-free in sub lists", "subscribers that come, change their mind and vanish while it is told")
def vanishing(target: Target) -> None:
    stop = threading.Event()

    def publish() -> None:
        with Client(target.port) as client:
            while not stop.is_set():
                for topic in ("own/gone", "events/gone"):
                    client.ask({"op": "pub", "id": 1, "topic": topic, "data": 1})

    publisher = threading.Thread(target=publish)
    publisher.start()
    try:
        for round_number in range(120):
            client = Client(target.port)
            for topic in ("own/gone", "own/+", "events/gone", "#"):
                client.say({"op": "sub", "topic": topic, "id": 1})
            if round_number % 3 == 0:
                client.say({"op": "unsub", "topic": "own/+", "id": 2})
            if round_number % 2:
                client.hear()
            client.socket.setsockopt(1, 13, b"\1\0\0\0\0\0\0\0")  # SO_LINGER of 0: it goes with a reset
            client.socket.close()
    finally:
        stop.set()
        publisher.join()


# ---- response splitting

@checks.add("response splitting", "nothing that was sent comes back as a line of a head")
def splitting(target: Target) -> None:
    injected = "%0d%0aX-Injected:%20yes%0d%0a%0d%0aHTTP/1.1%20200"
    attempts = [
        ("GET", f"/{injected}", ()), ("GET", f"/topics/{injected}", ()), ("GET", f"/topics?filter={injected}", ()),
        ("GET", f"/topics/a?after={injected}&wait=1", ()), ("OPTIONS", "/topics/a", (f"Origin: https://a{injected}",)),
        ("GET", "/topics/a", ("Origin: https://a\rX-Injected: yes",)),
        ("GET", "/ws", (f"Sec-WebSocket-Protocol: {injected}",)),
        ("GET", "/topics/a", (f"Last-Event-ID: {injected}", "Accept: text/event-stream\rX-Injected: yes")),
        (f"G{injected}", "/", ()),
    ]
    for method, path, fields in attempts:
        found, answer = http(target.port, method, path, *fields)
        head = answer.split("\r\n\r\n")[0].lower()
        expect("\nx-injected" not in head and "\rx-injected" not in head, f"{method} {path}: {head}")
        expect(answer.count("HTTP/1.1 ") <= 1 or found == 400, f"{method} {path}: more than one answer")


# ---- what faces the world has no administration

@checks.add("admin surface", "the clients' port administers nothing, and the other one answers no page of the web")
def administration(target: Target) -> None:
    for method, path in (("GET", "/metrics"), ("GET", "/healthz"), ("POST", "/reload"), ("POST", "/backup"),
                         ("GET", "/connections"), ("GET", "/admin")):
        expect_equal(http(target.port, method, path, body=b"{}" if method == "POST" else None)[0], 404, path)
    for field in ("Host: rebound.example.com", "Origin: https://example.com"):
        expect_equal(http(target.admin_port, "POST", "/reload", field, body=b"{}")[0], 403, field)
    with Client(target.port) as client:
        expect_equal(client.ask({"op": "reset", "id": 1, "topic": "clicks"}).get("code"), 4103, "reset")
        publish = {"op": "pub", "id": 2, "topic": "$sys/connections", "data": 1}
        expect_equal(client.ask(publish).get("code"), 4103, "$sys")
    expect_equal(http(target.port, "DELETE", "/topics/clicks")[0], 403, "DELETE")


@checks.add("binary and masks", "what is no text, or not masked, is not taken")
def framing(target: Target) -> None:
    closed_with(target, 1003, frame(BINARY, b'{"op":"ping"}'), "binary")
    closed_with(target, 1002, b"\x81\x0d" + b'{"op":"ping"}', "no mask")
    closed_with(target, 1007, frame(TEXT, b'"\xed\xa0\x80"'), "half of a surrogate pair")


@checks.add("logs", "no line has what was sent in it, however it was sent")
def log_lines(target: Target) -> None:
    secret = "payload-" + "9f3c"
    http(target.port, "GET", f"/{secret}?{secret}", f"Authorization: Bearer {secret}", f"Cookie: {secret}")
    http(target.port, "POST", "/topics/clicks", body=json.dumps(secret).encode())
    with Client(target.port) as client:
        client.ask({"op": "hello", "token": secret})
        client.ask({"op": secret})
        client.ask({"op": "pub", "id": 1, "topic": "clicks", "data": secret})
        client.say("\n2026-01-01T00:00:00.000Z notice the broker stops " + secret)
        client.hear()
    expect(secret not in target.logged(), "a line of the log has it")
