"""A broker that asks for tokens and has rules, and clients that have one."""
from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from check import expect
from target import Target
from wire import Client, Connection, handshake, status

TOKENS = {name: f"token-of-{name}-" + hashlib.sha256(name.encode()).hexdigest() for name in
          ("boss", "viewer", "meter-1", "meter-2", "#", "a/b", "+")}
RULES = [
    {"allow": ["publish", "subscribe", "admin"], "principal": "boss", "topics": ["#"]},
    {"allow": ["subscribe"], "principal": "viewer", "topics": ["factory/#"]},
    {"deny": ["subscribe"], "principal": "viewer", "topics": ["factory/secret/#"]},
    {"allow": ["publish"], "principal": "meter-*", "topics": ["factory/{sub}/power"]},
    {"allow": ["publish", "subscribe"], "principal": "*", "topics": ["users/{sub}/#"]},
]


def token_file(target: Target, names: list[str]) -> str:
    """Writes the list of tokens beside the configuration; its path."""
    path = target.folder / "tokens.json"
    rows = [{"name": name, "sha256": hashlib.sha256(TOKENS[name].encode()).hexdigest()} for name in names]
    path.write_text(json.dumps({"tokens": rows}))
    path.chmod(0o600)
    return str(path)


def guarded(target: Target, name: str, names: list[str] | None = None, **settings: Any) -> Target:
    """A broker beside the others that asks for tokens and has the rules above."""
    other = target.another(name)
    tokens = token_file(other, names or ["boss", "viewer", "meter-1", "meter-2"])
    auth = {"tokens": tokens, "rules": RULES, **settings.pop("auth", {})}
    limits = {"handshakeTimeout": "1s", "frameTimeout": "1s", "closeTimeout": "1s", "failedLoginsPerMinute": 100_000}
    other.configure(auth=auth, limits={**limits, **settings.pop("limits", {})}, **settings)
    return other


def bearer(name: str) -> str:
    return f"Authorization: Bearer {TOKENS[name]}"


@contextmanager
def client(target: Target, name: str) -> Iterator[Client]:
    with Client(target.port, bearer(name)) as opened:
        yield opened


def answer_to(target: Target, *fields: str, line: str = "GET /ws HTTP/1.1") -> str:
    """The head of the answer to a handshake."""
    with Connection(target.port) as connection:
        connection.send(handshake(line, *fields))
        return connection.head()


def refused(target: Target, *fields: str, line: str = "GET /ws HTTP/1.1", what: str = "") -> str:
    answer = answer_to(target, *fields, line=line)
    expect(status(answer) in (400, 401, 403, 431), f"{what or fields}: {answer}")
    return answer


def code(answer: dict[str, Any]) -> Any:
    return answer.get("code", answer.get("op"))
