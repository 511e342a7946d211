"""What may come before there is a WebSocket: section 5.1 of the catalogue of bad input, from outside."""
from __future__ import annotations

from dataclasses import dataclass

from check import Checks, expect, expect_equal
from target import Target
from wire import ACCEPT, KEY, TEXT, Client, Connection, announced, frame, handshake, status

checks = Checks()


@dataclass(frozen=True)
class Case:
    name: str
    request: bytes
    status: int
    contains: str = ""
    lacks: str = ""


def replacing(name: str, *values: str) -> bytes:
    return handshake("GET /ws HTTP/1.1", *(f"{name}: {value}" for value in values), without=name)


def adding(*lines: str) -> bytes:
    return handshake("GET /ws HTTP/1.1", *lines)


def extension(offer: str) -> bytes:
    return adding(f"Sec-WebSocket-Extensions: {offer}")


OTHER_VERSION = "sec-websocket-version: 13"
EXTENSIONS = "sec-websocket-extensions"

CASES: dict[tuple[str, str], list[Case]] = {
    ("H1", "a plain GET is told to upgrade"): [
        Case("plain", b"GET /ws HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", 426, "upgrade: websocket")],
    ("H2", "only GET upgrades"): [Case("POST", handshake("POST /ws HTTP/1.1"), 405, "allow: get")],
    ("H3", "HTTP/1.0 does not upgrade"): [Case("1.0", handshake("GET /ws HTTP/1.0"), 400)],
    ("H4", "a key has to be there"): [Case("none", handshake(without="Sec-WebSocket-Key"), 400)],
    ("H5", "a key is 16 bytes in base 64"): [
        Case(key, replacing("Sec-WebSocket-Key", key), 400)
        for key in ("not base64!", "AAAAAAAAAAAAAAAAAAAA", "", "A" * 4096)],
    ("H6", "a key stands there once"): [Case("twice", adding(f"Sec-WebSocket-Key: {KEY}"), 400)],
    ("H7", "another version is told which one there is"): [
        Case("8", replacing("Sec-WebSocket-Version", "8"), 426, OTHER_VERSION),
        Case("none", handshake(without="Sec-WebSocket-Version"), 426, OTHER_VERSION),
        Case("a list", replacing("Sec-WebSocket-Version", "13, 8"), 426, OTHER_VERSION)],
    ("H8", "names and tokens have no case, Connection is a list"): [
        Case("list", replacing("Connection", "keep-alive, Upgrade"), 101, ACCEPT),
        Case("case", replacing("Upgrade", "WebSocket"), 101, ACCEPT)],
    ("H9", "Connection has to say upgrade"): [Case("keep-alive", replacing("Connection", "keep-alive"), 400)],
    ("H12", "who is no browser has no Origin and comes in"): [Case("none", handshake(), 101, ACCEPT)],
    ("H13", "there is one Host"): [
        Case("none", handshake(without="Host"), 400), Case("two", adding("Host: other"), 400)],
    ("H14", "paths are not bent"): [
        *(Case(path, handshake(f"GET {path} HTTP/1.1"), 404)
          for path in ("/nothing", "/ws/../admin", "//ws", "/ws%2f", "/%00", "/dashboard/../../etc/passwd"))],
    ("H15", "a request line has an end"): [Case("20 KiB", handshake("GET /" + "a" * 20_480 + " HTTP/1.1"), 414)],
    ("H16", "a head has an end, in fields and in bytes"): [
        Case("101 fields", adding(*(f"X-{number}: a" for number in range(96))), 431),
        Case("17 KiB", adding(*(f"X-{number}: " + "a" * 1000 for number in range(17))), 431),
        Case("100,000 fields", adding(*(f"X-{number}: a" for number in range(100_000))), 431)],
    ("H17", "a subprotocol is ASCII"): [
        Case("high", adding("Sec-WebSocket-Protocol: b\xe9"), 400),
        Case("control", adding("Sec-WebSocket-Protocol: b\x07"), 400)],
    ("H18", "a list of blanks costs nothing"): [
        Case("64 KiB", adding("Sec-WebSocket-Protocol: b" + " " * 65_536 + "x"), 431),
        Case("12 KiB", adding("Sec-WebSocket-Protocol: b" + " " * 12_288 + "x"), 400)],
    ("H19", "other subprotocols are told ours"): [
        Case("mqtt", adding("Sec-WebSocket-Protocol: mqtt, graphql-ws"), 400, "wsbroker.v1.json")],
    ("H20", "no extension is agreed to, however it is asked for"): [
        Case(offer, extension(offer), 101, ACCEPT, EXTENSIONS)
        for offer in ("permessage-deflate; client_max_window_bits=99", "permessage-deflate; a=1; a=1", "x-unknown; y",
                      "permessage-deflate")],
    ("H25", "a handshake has no body, and one length"): [
        Case("length", adding("Content-Length: 5") + b"hello", 400),
        Case("both", adding("Content-Length: 5", "Transfer-Encoding: chunked") + b"0\r\n\r\n", 400)],
    ("H26", "a value has no control characters and no folds"): [
        Case("CR", adding("X-A: a\rb"), 400), Case("NUL", adding("X-A: a\0b"), 400),
        Case("fold", adding("X-A: a\r\n b"), 400)],
    ("H28", "HTTP/2 is not spoken here"): [
        Case("preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        Case("CONNECT", handshake("CONNECT /ws HTTP/1.1"), 405)],
}


def try_cases(target: Target, cases: list[Case]) -> None:
    for case in cases:
        with Connection(target.port) as connection:
            connection.send(case.request)
            answer = connection.head()
            if case.status == 101:
                connection.send(frame(TEXT, b'{"op":"ping","id":1}'))
                expect_equal(connection.frame(), (TEXT, b'{"op":"pong","id":1}'), case.name)
            else:
                # To its end: what is refused is not kept.
                answer += connection.rest().decode("latin-1")
        expect_equal(status(answer), case.status, case.name[:60])
        expect(case.contains.lower() in answer.lower(), f"{case.name}: no '{case.contains}' in {answer}")
        expect(not case.lacks or case.lacks not in answer.lower(), f"{case.name}: {answer}")


for (number, sentence), cases in CASES.items():
    checks.add(number, sentence)(lambda target, cases=cases: try_cases(target, cases))


@checks.add("H21", "a byte now and then does not keep a connection")
def slow_head(target: Target) -> None:
    with Connection(target.port) as connection:
        connection.socket.settimeout(0.2)
        for byte in handshake():
            connection.send(bytes([byte]))
            try:
                if not connection._more():
                    return
            except TimeoutError:
                continue
    expect(False, "a whole handshake went through, a byte in 0.2 s")


@checks.add("H22", "saying nothing does not keep one either")
def silence(target: Target) -> None:
    for start in (b"", b"GET /ws HT", b"GET / HTTP/1.1\r\nHost: a\r\n"):
        with Connection(target.port) as connection:
            connection.send(start)
            connection.rest()


@checks.add("H23", "a TLS client on the plain port is sent away")
def tls_hello(target: Target) -> None:
    with Connection(target.port) as connection:
        connection.send(bytes([0x16, 3, 1, 2, 0, 1, 0, 1, 0xFC, 3, 3]) + bytes(500))
        expect(not connection.rest().startswith(b"HTTP/1.1 101"), "it was let in")


@checks.add("H24", "frames behind the request are taken, and judged as any")
def early_frames(target: Target) -> None:
    with Connection(target.port) as connection:
        connection.send(handshake() + frame(TEXT, b'{"op":"ping"}'))
        expect_equal(status(connection.head()), 101)
        expect_equal(connection.frame(), (TEXT, b'{"op":"pong"}'))
    with Connection(target.port) as connection:
        connection.send(handshake() + announced(1 << 62))
        expect_equal(status(connection.head()), 101)
        expect_equal(connection.close_code(), 1009)


@checks.add("H27", "an address that is only claimed counts for nothing")
def forwarded(target: Target) -> None:
    limits = {"handshakeTimeout": "1s", "connectionsPerAddress": 1}
    with target.another("forwarded", limits=limits) as other, Client(other.port):
        for field in ("X-Forwarded-For: 10.0.0.1", "Forwarded: for=10.0.0.1", "X-Real-IP: 10.0.0.1"):
            with Connection(other.port) as connection:
                connection.send(handshake("GET /ws HTTP/1.1", field))
                expect_equal(status(connection.head()), 429, field)
