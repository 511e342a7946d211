"""Who is let in: credentials of section 5.8 of the catalogue of bad input, origins, and TLS."""
from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
import socket
import ssl
import subprocess
import time
from typing import Any

from check import Checks, expect, expect_equal
from guarded import TOKENS, answer_to, bearer, client, code, guarded, refused, token_file
from target import Ended, Target
from wire import Client, Connection, handshake, http, status

checks = Checks()

# ---- origins, TLS

ORIGIN = "https://app.example.com"
OTHER_ORIGINS = ["null", ORIGIN + ".evil.io", "https://evilapp.example.com", ORIGIN + ":8443", "http://app.example.com",
                 ORIGIN + "/", ORIGIN.upper() + ".", ""]


@checks.add("H10", "a page of another place is refused before its token is looked at")
def foreign_origin(target: Target) -> None:
    with guarded(target, "origin", origins=[ORIGIN]) as other:
        for fields in ((bearer("boss"),), ("Authorization: Bearer wrong",), ()):
            expect_equal(status(answer_to(other, "Origin: https://evil.example", *fields)), 403, str(fields))
        expect_equal(status(answer_to(other, f"Origin: {ORIGIN}", bearer("boss"))), 101)


@checks.add("H11", "an origin is scheme, host and port, and nothing that looks like it")
def similar_origins(target: Target) -> None:
    with guarded(target, "origins", origins=[ORIGIN]) as other:
        for origin in OTHER_ORIGINS:
            expect(status(answer_to(other, f"Origin: {origin}", bearer("boss"))) in (400, 403), origin)
        refused(other, f"Origin: {ORIGIN}", "Origin: https://evil.example", bearer("boss"), what="two origins")


@checks.add("H23", "a port with TLS speaks nothing else, and no version from before 1.2")
def plain_on_tls(target: Target) -> None:
    other = target.another("tls")
    certificate, key = other.folder / "cert.pem", other.folder / "key.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-keyout", key, "-out", certificate], check=True, capture_output=True)
    other.configure(listen={"tls": {"certificate": str(certificate), "key": str(key)}})
    with other:
        with Connection(other.port) as connection:
            connection.send(handshake())
            expect(b"101" not in connection.rest()[:20], "plain HTTP was let in")
        context = ssl.create_default_context(cafile=str(certificate))
        with socket.create_connection(("127.0.0.1", other.port), timeout=8) as raw:
            with context.wrap_socket(raw, server_hostname="localhost") as secured:
                expect(secured.version() in ("TLSv1.2", "TLSv1.3"), secured.version())
        old = ssl.create_default_context(cafile=str(certificate))
        old.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with socket.create_connection(("127.0.0.1", other.port), timeout=8) as raw:
            try:
                old.wrap_socket(raw, server_hostname="localhost").close()
            except (ssl.SSLError, ConnectionError):
                return
            expect(False, "TLS 1.1 was spoken")


# ---- credentials

@checks.add("A1", "without a token where one is needed: 401 that says how, over HTTP too")
def no_token(target: Target) -> None:
    with guarded(target, "a1", auth={"anonymous": []}) as other:
        found, answer = http(other.port, "GET", "/topics/clicks")
        expect(found in (401, 403), answer)
        expect(found != 401 or "www-authenticate: bearer" in answer.lower(), answer)
        head = answer_to(other)
        if status(head) != 101:
            expect_equal(status(head), 401, head)
            expect("www-authenticate: bearer" in head.lower(), head)
            return
        # Let in so that `hello` can say who it is: until then it may do nothing.
        with Client(other.port) as opened:
            expect(code(opened.ask({"op": "pub", "id": 1, "topic": "clicks", "data": 1})) in (4100, 4103), "a publish")
            opened.rest()


@checks.add("A1", "each of the ways to give a token is a way in, and none for another token")
def ways_in(target: Target) -> None:
    with guarded(target, "ways", auth={"queryToken": True}) as other:
        offer = "Sec-WebSocket-Protocol: wsbroker.v1.json"
        for right, token in ((True, TOKENS["boss"]), (False, TOKENS["boss"][:-1]), (False, TOKENS["boss"] + "0")):
            found = {
                "Authorization": status(answer_to(other, f"Authorization: Bearer {token}")) == 101,
                "subprotocol": status(answer_to(other, f"{offer}, bearer.{token}")) == 101,
                "query": status(answer_to(other, line=f"GET /ws?token={token} HTTP/1.1")) == 101,
            }
            with Client(other.port) as opened:
                found["hello"] = opened.ask({"op": "hello", "v": 1, "token": token}).get("op") == "welcome"
            expect_equal(found, dict.fromkeys(found, right), f"{token[:6]}...{token[-3:]}")
        answer = answer_to(other, f"{offer}, bearer.{TOKENS['boss']}")
        expect(TOKENS["boss"] not in answer, "the token comes back in the answer")


def signed(header: dict[str, Any], claims: dict[str, Any], key: bytes = b"") -> str:
    """A JSON Web Token, right or wrong."""
    def part(value: bytes) -> bytes:
        return base64.urlsafe_b64encode(value).rstrip(b"=")

    text = part(json.dumps(header).encode()) + b"." + part(json.dumps(claims).encode())
    return (text + b"." + (part(hmac.new(key, text, hashlib.sha256).digest()) if key else b"")).decode()


CLAIMS = {"sub": "boss", "iss": "test", "aud": "wsbroker", "exp": int(time.time()) + 600}


@checks.add("A2", "a token that says how it is to be trusted is not: none, other algorithms, keys of its own")
def algorithms(target: Target) -> None:
    with guarded(target, "a2") as other:
        for header in ({"alg": "none"}, {"alg": "None"}, {"alg": ""}, {"alg": "HS256"}, {"alg": "HS1"}, {"alg": 1}, {},
                       {"alg": "RS256", "jku": "http://127.0.0.1:1/"}, {"alg": "RS256", "x5u": "http://127.0.0.1:1/"},
                       {"alg": "HS256", "jwk": {"kty": "oct", "k": "AA"}}):
            for key in (b"", b"\0", b"secret"):
                refused(other, f"Authorization: Bearer {signed(header, CLAIMS, key)}", what=str(header))


@checks.add("A3", "a token of before, of later, for somebody else or for good is refused")
def claims(target: Target) -> None:
    secret, now = b"k" * 32, int(time.time())
    other = target.another("a3")
    keys = other.folder / "keys.json"
    encoded = base64.urlsafe_b64encode(secret).decode().rstrip("=")
    keys.write_text(json.dumps({"keys": [{"kty": "oct", "kid": "a", "alg": "HS256", "k": encoded}]}))
    other.configure(auth={"jwt": {"keys": str(keys), "issuer": "https://issuer.example", "audience": "wsbroker"}},
                    limits={"failedLoginsPerMinute": 100_000})
    right = {"sub": "meter-1", "iss": "https://issuer.example", "aud": "wsbroker", "iat": now, "exp": now + 60}
    header = {"alg": "HS256", "kid": "a"}
    with other:
        expect_equal(status(answer_to(other, f"Authorization: Bearer {signed(header, right, secret)}")), 101)
        for change in ({"exp": now - 60}, {"exp": now + 40 * 86400}, {"exp": None}, {"nbf": now + 300},
                       {"iat": now + 300, "exp": now + 400}, {"iss": "https://other.example"}, {"iss": None},
                       {"aud": "other"}, {"aud": None}, {"sub": None}, {"sub": ""}, {"sub": "anonymous"},
                       {"sub": "administrator"}, {"exp": "never"}, {"exp": 1e300}):
            wrong = {name: value for name, value in {**right, **change}.items() if value is not None}
            refused(other, f"Authorization: Bearer {signed(header, wrong, secret)}", what=str(change))
        for head, key in (({"alg": "none", "kid": "a"}, b""), (header, b"x" * 32), ({"alg": "HS512", "kid": "a"}, secret)):
            refused(other, f"Authorization: Bearer {signed(head, right, key)}", what=str(head))


@checks.add("A4", "the id of a key is looked up and never followed")
def key_ids(target: Target) -> None:
    with guarded(target, "a4") as other:
        before = other.memory()
        for kid in ["../../etc/passwd", "/dev/null", "' OR 1=1 --", "x" * 5000, *(f"unknown-{n}" for n in range(300))]:
            token = signed({"alg": "HS256", "kid": kid}, CLAIMS, b"secret")
            refused(other, f"Authorization: Bearer {token}", what=kid[:40])
        expect(other.memory() < before + (16 << 20), "memory grew with unknown ids")


@checks.add("A5", "what is no token is refused at once, however long it is")
def no_tokens(target: Target) -> None:
    with guarded(target, "a5") as other:
        for token in ("x" * 9000, "x" * (1 << 20), "...", "a.b", "a.b.c.d", "!.!.!", "", " ", "\xff", "a b"):
            begin = time.monotonic()
            refused(other, f"Authorization: Bearer {token}", what=f"{token[:20]!r}")
            expect(time.monotonic() - begin < 2, f"{token[:20]!r} took {time.monotonic() - begin:.1f} s")
        for field in ("Authorization: Basic Ym9zczpib3Nz", "Authorization: Bearer", f"Authorization: {TOKENS['boss']}"):
            refused(other, field)
        refused(other, bearer("boss"), bearer("viewer"), what="two of them")
        with Client(other.port) as opened:
            expect(opened.ask({"op": "hello", "v": 1, "token": "x" * 60_000}).get("op") != "welcome", "hello")


@checks.add("A6", "no token is ever logged, right or wrong, wherever it stood")
def logged_tokens(target: Target) -> None:
    with guarded(target, "a6") as other:
        wrong = "wrong-token-5b1f"
        for token in (TOKENS["boss"], wrong):
            answer_to(other, f"Authorization: Bearer {token}")
            answer_to(other, f"Sec-WebSocket-Protocol: bearer.{token}")
            answer_to(other, line=f"GET /ws?token={token} HTTP/1.1")
            http(other.port, "GET", f"/topics/clicks?token={token}")
            with Client(other.port) as opened:
                opened.ask({"op": "hello", "v": 1, "token": token})
        other.stop()
        for token in (TOKENS["boss"], wrong, hashlib.sha256(TOKENS["boss"].encode()).hexdigest()):
            expect(token not in other.logged(), f"{token[:12]}... is in the log")


@checks.add("fail-open config (A9)", "no rule that allows is no right, and an empty list of tokens lets nobody in")
def empty_lists(target: Target) -> None:
    with guarded(target, "a9", auth={"rules": [{"deny": ["admin"], "principal": "*", "topics": ["#"]}]}) as other:
        with client(other, "boss") as opened:
            expect_equal(code(opened.ask({"op": "pub", "id": 1, "topic": "clicks", "data": 1})), 4103)
    other = target.another("a9-tokens")
    other.configure(auth={"tokens": token_file(other, [])})
    try:
        other.start()
    except Ended:
        return  # as good
    with other:
        for token in ("", "x", TOKENS["boss"]):
            refused(other, f"Authorization: Bearer {token}", what=repr(token))


DAMAGED = ["", "{", "[]", "null", '{"tokens":null}', '{"tokens":[{}]}', '{"tokens":[{"name":"boss"}]}',
           '{"tokens":[{"name":"boss","sha256":""}]}', '{"tokens":[{"name":"boss","sha256":"00"}]}',
           '{"tokens":[{"name":"","sha256":"%s"}]}' % ("0" * 64),
           '{"tokens":[{"name":"boss","sha256":"%s"}]}' % ("g" * 64),
           '{"tokens":[{"name":"administrator","sha256":"%s"}]}' % ("0" * 64)]


@checks.add("fail-open config (A10)", "a list of tokens that is damaged starts nothing, and is not reloaded")
def damaged_tokens(target: Target) -> None:
    other = guarded(target, "a10")
    file = other.folder / "tokens.json"
    sound = file.read_text()
    for text in DAMAGED:
        file.write_text(text)
        expect(other.refusal().status not in (None, 0, -9), f"it starts with {text!r}")
    file.unlink()
    expect(other.refusal().status not in (None, 0, -9), "it starts without its list")
    file.write_text(sound)
    file.chmod(0o600)
    with other:
        for text in DAMAGED:
            file.write_text(text)
            expect(http(other.admin_port, "POST", "/reload", body=b"{}")[0] >= 400, f"{text!r} was reloaded")
            expect_equal(status(answer_to(other, bearer("boss"))), 101, f"after {text!r}")
            refused(other, "Authorization: Bearer wrong", what=f"after {text!r}")


@checks.add("fail-open config (A11)", "a reload without descriptors keeps what was in force")
def reload_without_descriptors(target: Target) -> None:
    with guarded(target, "a11") as other:
        held = []
        assert other.process
        subprocess.run(["prlimit", "--nofile=64:64", "--pid", str(other.process.pid)], check=True)
        try:
            for _ in range(64):
                held.append(socket.create_connection(("127.0.0.1", other.port), timeout=8))
            other.process.send_signal(signal.SIGHUP)
            time.sleep(0.3)
        finally:
            for one in held:
                one.close()
        for _ in range(50):
            try:
                expect(status(answer_to(other, "Authorization: Bearer wrong")) in (401, 403), "a wrong token")
                expect_equal(status(answer_to(other, bearer("boss"))), 101, "the right one")
                return
            except OSError:
                time.sleep(0.1)
        expect(False, "nobody was served after it")


@checks.add("A14", "who guesses is stopped after some tries a minute, and told until when")
def guessing(target: Target) -> None:
    with guarded(target, "a14", limits={"failedLoginsPerMinute": 5}) as other:
        found = [answer_to(other, f"Authorization: Bearer guess-{number}") for number in range(12)]
        expect_equal([status(one) for one in found[:5]], [401] * 5)
        expect_equal(status(found[-1]), 429)
        expect("retry-after:" in found[-1].lower(), found[-1])
        claimed = answer_to(other, "Authorization: Bearer guess-x", "X-Forwarded-For: 10.9.8.7")
        expect_equal(status(claimed), 429, "with a claimed address")


@checks.add("A16", "a connection stays whose it is: a later token of somebody else is refused")
def another_identity(target: Target) -> None:
    with guarded(target, "a16") as other, client(other, "viewer") as opened:
        opened.ask({"op": "hello", "v": 1})
        expect(opened.ask({"op": "hello", "token": TOKENS["boss"]}).get("op") != "welcome", "it became somebody else")
        after = opened.ask({"op": "pub", "id": 1, "topic": "clicks", "data": 1})
        expect(code(after) in (4103, None), f"it publishes as somebody else: {after}")
