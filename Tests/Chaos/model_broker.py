#!/usr/bin/env python3
"""A small broker that follows the protocol, and can be told to break it: the checkers are tried on it.

It is started as wsbroker is (`--config FILE`, `WSBROKER_LISTEN_PORT`, `WSBROKER_STORE_PATH`) and knows as much of the
protocol as the checkers use. `CHAOS_MODEL_BUG` is one of:

    ack-early       acknowledges before the commit
    dedupe-late     stores the producers' numbers in a transaction of their own, after the values
    dedupe-never    forgets what it has seen when a producer comes back
    drop-le-last    takes every number up to the highest seen for a duplicate
    tell-early      tells subscribers before the commit
    view-late       stores views in a transaction of their own
    invent          counts one more when it starts
    zombie          goes on reading from a connection whose producer has moved to another
    wall-clock      measures the window of `once` with the wall clock
    deaf            goes on after a failed commit as if it had been none
    silent-regress  says nothing when a producer knows more than it does
"""
from __future__ import annotations

import argparse
import asyncio
import copy
import json
import os
import random
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

BUG = os.environ.get("CHAOS_MODEL_BUG", "")
WINDOW = 1024
ONCE_SECONDS = 120
GRACE_SECONDS = 10
STORAGE_FAILED = 74
REFUSALS = 0.002
"""How often a publish is put off for no reason, so that clients have to send it again."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS topic (name TEXT PRIMARY KEY, offset INTEGER, ts INTEGER, data TEXT, rule TEXT) STRICT;
CREATE TABLE IF NOT EXISTS producer (name TEXT PRIMARY KEY, epoch INTEGER, settled INTEGER, bits TEXT) STRICT;
CREATE TABLE IF NOT EXISTS once (name TEXT PRIMARY KEY, at REAL) STRICT;
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT) STRICT;
"""

Frame = dict[str, Any]


@dataclass
class Topic:
    offset: int = 0
    ts: int = 0
    data: Any = None
    rule: str = ""


@dataclass
class Row:
    """What is known of a producer."""

    epoch: int
    settled: int = 0
    accepted: int = 0
    """A bit for each of the last settled numbers, the newest lowest."""

    def settle(self, accepted: bool) -> None:
        self.settled += 1
        self.accepted = (self.accepted << 1 | accepted) & ((1 << WINDOW) - 1)

    def was_accepted(self, seq: int) -> bool:
        return bool(self.accepted >> (self.settled - seq) & 1)

    @property
    def refused(self) -> list[int]:
        first = max(1, self.settled - WINDOW + 1)
        return [seq for seq in range(first, self.settled + 1) if not self.was_accepted(seq)]


@dataclass(eq=False)
class Session:
    socket: ServerConnection
    filters: set[str] = field(default_factory=set)
    producer: str | None = None
    waits_for: int | None = None
    """The number that was put off; later ones are dropped until it comes again."""
    is_replaced: bool = False
    output: list[Frame] = field(default_factory=list)


class Refusal(Exception):
    def __init__(self, code: int, name: str, retry: str = "no", **more: Any) -> None:
        super().__init__(name)
        self.frame = {"code": code, "name": name, "reason": name, "retry": retry, **more}


def matches(name: str, topic: str) -> list[str] | None:
    """The levels that the filter's `+` took, or nothing if it does not match."""
    taken: list[str] = []
    levels, wanted = topic.split("/"), name.split("/")
    for number, level in enumerate(wanted):
        if level == "#":
            return taken
        if number >= len(levels) or level not in ("+", levels[number]):
            return None
        if level == "+":
            taken.append(levels[number])
    return taken if len(levels) == len(wanted) else None


class State:
    """Values, producers and names; copied before a batch and put in its place after the commit."""

    def __init__(self) -> None:
        self.topics: dict[str, Topic] = {}
        self.producers: dict[str, Row] = {}
        self.once: dict[str, float] = {}


class Overlay:
    """A state with the changes of one batch on top."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.topics: dict[str, Topic] = {}
        self.producers: dict[str, Row] = {}
        self.once: dict[str, float] = {}

    def topic(self, name: str) -> Topic | None:
        return self.topics.get(name) or self.state.topics.get(name)

    def change_topic(self, name: str) -> Topic:
        if name not in self.topics:
            self.topics[name] = copy.copy(self.state.topics.get(name) or Topic())
        return self.topics[name]

    def producer(self, name: str) -> Row | None:
        if name not in self.producers and name in self.state.producers:
            self.producers[name] = copy.copy(self.state.producers[name])
        return self.producers.get(name)

    def is_known(self, once: str, now: float) -> bool:
        at = self.once.get(once, self.state.once.get(once))
        return at is not None and 0 <= now - at < ONCE_SECONDS

    @property
    def is_stored(self) -> bool:
        """Whether there is anything in it for the disk."""
        return bool(self.producers or self.once or any(topic.rule != "memory" for topic in self.topics.values()))

    def merge(self) -> None:
        self.state.topics |= self.topics
        self.state.producers |= self.producers
        self.state.once |= self.once


class Store:
    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL"):
            self._connection.execute(f"PRAGMA {pragma}").fetchall()
        self._connection.executescript(SCHEMA)
        self._connection.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", [f"k{random.getrandbits(32)}"])
        self.epoch: str = self._connection.execute("SELECT value FROM meta").fetchone()[0]

    def restore(self) -> State:
        state = State()
        for name, offset, ts, data, rule in self._connection.execute("SELECT * FROM topic"):
            state.topics[name] = Topic(offset, ts, json.loads(data), rule)
        for name, epoch, settled, bits in self._connection.execute("SELECT * FROM producer"):
            state.producers[name] = Row(epoch, settled, int(bits, 16))
        state.once = dict(self._connection.execute("SELECT * FROM once"))
        return state

    def commit(self, overlay: Overlay) -> None:
        """Writes a batch; split by some bugs into what should be one transaction."""
        durable = [(n, t) for n, t in overlay.topics.items() if t.rule != "memory"]
        topics = [(n, t.offset, t.ts, json.dumps(t.data), t.rule) for n, t in durable]
        views = [row for row in topics if row[4] == "view"]
        producers = [(n, p.epoch, p.settled, f"{p.accepted:x}") for n, p in overlay.producers.items()]
        topic_sql = "INSERT OR REPLACE INTO topic VALUES (?,?,?,?,?)"
        producer_sql = "INSERT OR REPLACE INTO producer VALUES (?,?,?,?)"
        first = [(topic_sql, [row for row in topics if BUG != "view-late" or row[4] != "view"])]
        first += [("INSERT OR REPLACE INTO once VALUES (?,?)", list(overlay.once.items()))]
        first += [] if BUG == "dedupe-late" else [(producer_sql, producers)]
        self._transaction(first)
        if BUG in ("dedupe-late", "view-late"):
            time.sleep(0.02)
            self._transaction([(producer_sql, producers)] if BUG == "dedupe-late" else [(topic_sql, views)])

    def _transaction(self, statements: list[tuple[str, list[Any]]]) -> None:
        if not any(rows for _, rows in statements):
            return
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            for sql, rows in statements:
                self._connection.executemany(sql, rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise

    def close(self) -> None:
        self._connection.close()


class ModelBroker:
    def __init__(self, store: Store, rules: list[Frame]) -> None:
        self.store = store
        self.rules = rules
        self.state = store.restore()
        self.sessions: set[Session] = set()
        self.owners: dict[str, Session] = {}
        self.requests: asyncio.Queue[tuple[Session, Frame]] = asyncio.Queue()
        self.has_failed = asyncio.Event()
        self.run_epoch = f"r{random.getrandbits(32)}"
        if BUG == "invent":
            self._invent()

    def _invent(self) -> None:
        names = [name for name in self.state.topics if name.startswith("bits/")]
        if names:
            self.state.topics[names[-1]].data += 8**39

    # MARK: Connections

    async def accept(self, socket: ServerConnection) -> None:
        session = Session(socket)
        self.sessions.add(session)
        try:
            async for text in socket:
                if not session.is_replaced or BUG == "zombie":
                    await self.requests.put((session, json.loads(text)))
        except ConnectionClosed:
            pass
        finally:
            self.sessions.discard(session)

    async def tell_readiness(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """All that the admin listener knows here."""
        await reader.readline()
        status = "503 Service Unavailable" if self.has_failed.is_set() else "200 OK"
        writer.write(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
        writer.close()

    async def run(self) -> None:
        """One batch after the other: everything that came while the last one was written."""
        while True:
            batch = [await self.requests.get()]
            while not self.requests.empty() and len(batch) < 512:
                batch.append(self.requests.get_nowait())
            overlay = Overlay(self.state)
            for session, frame in batch:
                if not session.is_replaced or BUG == "zombie":
                    self._answer(session, frame, overlay)
            if BUG == "tell-early":
                self._deliver(overlay)
                await self._flush()
                await asyncio.sleep(0.01)
            if BUG == "ack-early":
                await self._flush()
                await asyncio.sleep(0.02)
            await self._commit(overlay, batch)
            await self._flush()

    async def _commit(self, overlay: Overlay, batch: list[tuple[Session, Frame]]) -> None:
        try:
            if self.has_failed.is_set() and overlay.is_stored:
                raise sqlite3.OperationalError("the store has stopped")
            await asyncio.to_thread(self.store.commit, overlay)
        except sqlite3.Error as error:
            is_full = "full" in str(error)
            if BUG != "deaf":
                refusal = (
                    Refusal(4203, "storage_full", "later", afterMs=500) if is_full
                    else Refusal(4204, "storage_unknown", "resend")
                )
                self._take_back(batch, refusal)
                if not is_full:
                    self.has_failed.set()
                return
        overlay.merge()
        if BUG != "tell-early":
            self._deliver(overlay)

    def _take_back(self, batch: list[tuple[Session, Frame]], refusal: Refusal) -> None:
        """After a failed commit, whatever was to be told of it is not told."""
        for session, frame in batch:
            session.output = []
        for session in {session for session, frame in batch if "seq" in frame and session.producer}:
            # Whatever of its numbers were in the batch, it goes on behind the last one that is stored.
            row = self.state.producers.get(session.producer or "")
            session.waits_for = row.settled + 1 if row else 1
            session.output.append({"op": "err", "seq": session.waits_for, **refusal.frame})
        for session, frame in batch:
            if self._stores_nothing(frame):
                # Built on what is gone now, so it is answered anew.
                self.requests.put_nowait((session, frame))
            elif "seq" not in frame:
                keys = {"id": frame["id"]} if "id" in frame else {}
                session.output.append({"op": "err", **keys, **refusal.frame})

    def _stores_nothing(self, frame: Frame) -> bool:
        if frame["op"] in ("get", "sub"):
            return True
        if frame["op"] != "pub" or "seq" in frame or "once" in frame or frame.get("retain"):
            return False
        taken = [rule for rule in self.rules if matches(rule.get("from", rule["topic"]), frame["topic"]) is not None]
        return all(rule.get("durability") == "memory" for rule in taken)

    async def _flush(self) -> None:
        for session in list(self.sessions):
            output, session.output = session.output, []
            try:
                for frame in output:
                    await session.socket.send(json.dumps(frame))
                    if frame["op"] == "err" and (frame["code"] == 4008 or frame.get("closes")):
                        await session.socket.close(frame["code"])
            except ConnectionClosed:
                pass

    def _deliver(self, overlay: Overlay) -> None:
        for name, topic in overlay.topics.items():
            for session in self.sessions:
                if any(matches(wanted, name) is not None for wanted in session.filters):
                    session.output.append(self._message(name, topic))

    @staticmethod
    def _message(name: str, topic: Topic) -> Frame:
        return {"op": "msg", "topic": name, "offset": topic.offset, "ts": topic.ts, "data": topic.data}

    # MARK: Requests

    def _answer(self, session: Session, frame: Frame, overlay: Overlay) -> None:
        try:
            match frame["op"]:
                case "hello":
                    self._hello(session, frame, overlay)
                case "sub":
                    self._subscribe(session, frame, overlay)
                case "get":
                    self._get(session, frame, overlay)
                case "pub" if "seq" in frame:
                    self._numbered(session, frame, overlay)
                case "pub":
                    self._single(session, frame, overlay)
        except Refusal as refusal:
            keys = {key: frame[key] for key in ("id", "seq") if key in frame}
            session.output.append({"op": "err", **keys, **refusal.frame})

    def _hello(self, session: Session, frame: Frame, overlay: Overlay) -> None:
        asked = frame["producer"]
        name = asked["name"]
        row = overlay.producer(name)
        if "epoch" in asked and row is None:
            raise Refusal(4401, "producer_unknown", closes=True)
        if "epoch" in asked and row and asked["epoch"] != row.epoch:
            raise Refusal(4104, "fenced", closes=True)
        if row is None or not ("epoch" in asked or asked.get("resume")):
            row = overlay.producers[name] = Row(random.randint(1, 2**53 - 1))
        answer: Frame = {"name": name, "epoch": row.epoch, "next": row.settled + 1}
        if (acked := asked.get("acked", 0)) > row.settled:
            if BUG != "silent-regress":
                answer["regressed"] = {"from": acked, "to": row.settled}
            while row.settled < acked:
                row.settle(False)
            answer["next"] = row.settled + 1
        if row.refused:
            answer["refused"] = row.refused
        if BUG == "dedupe-never":
            row.settled, row.accepted = 0, 0
            answer["next"] = 1
            answer.pop("refused", None)
        older = self.owners.get(name)
        if older and older is not session:
            older.is_replaced = True
            if BUG != "zombie":
                asyncio.create_task(older.socket.close(4105, "replaced"))
        self.owners[name] = session
        session.producer = name
        session.output.append({"op": "welcome", "v": 1, "producer": answer})

    def _subscribe(self, session: Session, frame: Frame, overlay: Overlay) -> None:
        name = frame["topic"]
        session.filters.add(name)
        answer: Frame = {"op": "ack", "id": frame["id"], "topic": name}
        if "+" in name or "#" in name:
            for topic in self.state.topics.keys() | overlay.topics.keys():
                found = overlay.topic(topic)
                if found and matches(name, topic) is not None:
                    session.output.append(self._message(topic, found) | {"retained": True})
        else:
            answer |= self._position(name, overlay)
        session.output.append(answer)

    def _position(self, name: str, overlay: Overlay) -> Frame:
        topic = overlay.topic(name)
        if topic is None:
            return {"epoch": self.store.epoch, "offset": 0}
        epoch = self.run_epoch if topic.rule == "memory" else self.store.epoch
        return {"epoch": epoch, "offset": topic.offset, "data": topic.data}

    def _get(self, session: Session, frame: Frame, overlay: Overlay) -> None:
        if overlay.topic(frame["topic"]) is None:
            raise Refusal(4404, "no_value")
        position = self._position(frame["topic"], overlay)
        session.output.append({"op": "ack", "id": frame["id"], "topic": frame["topic"], **position})

    def _numbered(self, session: Session, frame: Frame, overlay: Overlay) -> None:
        seq = frame["seq"]
        if session.producer is None:
            raise Refusal(4006, "no_producer")
        row = overlay.producer(session.producer)
        assert row
        if session.waits_for is not None and seq != session.waits_for:
            return
        session.waits_for = None
        is_repeat = seq <= row.settled and (row.was_accepted(seq) or BUG == "drop-le-last")
        if is_repeat:
            answer = self._now(frame, overlay) | {"dups": 1}
        else:
            if seq > row.settled + 1 and BUG != "drop-le-last":
                raise Refusal(4008, "seq_gap")
            if random.random() < REFUSALS:
                if BUG != "drop-le-last":
                    session.waits_for = seq
                raise Refusal(4201, "overloaded", "later", afterMs=50)
            try:
                answer = self._apply(frame, overlay) | {"dups": 0}
            except Refusal as refusal:
                session.output.append({"op": "err", "seq": seq, **refusal.frame})
                answer = {}
            if seq > row.settled:
                while row.settled < seq - 1:
                    row.settle(True)
                row.settle(bool(answer))
            elif answer:
                row.accepted |= 1 << (row.settled - seq)
        session.output.append({"op": "ack", "seq": seq, **answer})

    def _now(self, frame: Frame, overlay: Overlay) -> Frame:
        topic = overlay.topic(frame["topic"])
        return {"topic": frame["topic"], **({"offset": topic.offset, "data": topic.data} if topic else {})}

    def _single(self, session: Session, frame: Frame, overlay: Overlay) -> None:
        once = f"{frame['topic']} {frame['once']}" if "once" in frame else None
        now = time.time() if BUG == "wall-clock" else time.monotonic()
        if once and overlay.is_known(once, now):
            session.output.append({"op": "ack", "id": frame["id"], **self._now(frame, overlay), "dup": True})
            return
        answer = self._apply(frame, overlay)
        answer.pop("topic")
        if once:
            overlay.once[once] = now
        session.output.append({"op": "ack", "id": frame["id"], **answer})

    # MARK: Publishing

    def _apply(self, frame: Frame, overlay: Overlay) -> Frame:
        """Applies a publish to its topic and all views of it, or to none."""
        name, data = frame["topic"], frame["data"]
        if "" in name.split("/"):
            raise Refusal(4002, "bad_topic")
        own = next((rule for rule in self.rules if "from" not in rule and matches(rule["topic"], name) is not None), {})
        if own.get("aggregate") and not isinstance(data, int):
            raise Refusal(4004, "bad_value")
        answer: Frame = {"topic": name}
        if own.get("aggregate") or frame.get("retain"):
            topic = overlay.change_topic(name)
            topic.rule = own.get("durability", "")
            self._change(topic, (topic.data or 0) + data if own.get("aggregate") else data)
            answer["offset"] = topic.offset
            if own.get("aggregate"):
                answer["data"] = topic.data
        for rule in self.rules:
            if "from" in rule and (taken := matches(rule["from"], name)) is not None:
                self._view(rule, taken, data, overlay)
        return answer

    def _view(self, rule: Frame, taken: list[str], data: Any, overlay: Overlay) -> None:
        name = rule["topic"]
        for level in taken:
            name = name.replace("+", level, 1)
        if "key" in rule:
            name = name.replace("{key}", data[rule["key"][1:]])
        topic = overlay.change_topic(name)
        topic.rule = "view"
        self._change(topic, (topic.data or 0) + (1 if rule["aggregate"] == "count" else data[rule["value"][1:]]))

    @staticmethod
    def _change(topic: Topic, data: Any) -> None:
        topic.data = data
        topic.offset += 1
        topic.ts = int(time.time() * 1000)


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    configuration = json.loads(parser.parse_args().config.read_text())
    path = Path(os.environ["WSBROKER_STORE_PATH"])
    try:
        store = Store(path)
    except sqlite3.Error as error:
        print(f"the store {path} can not be opened: {error}", file=sys.stderr)
        sys.exit(STORAGE_FAILED)
    broker = ModelBroker(store, configuration["topics"])
    stopped = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
    port = int(os.environ.get("WSBROKER_LISTEN_PORT", "8181"))
    ping = configuration.get("limits", {}).get("pingInterval", "25s").removesuffix("s")
    server = await serve(
        broker.accept,
        "127.0.0.1",
        port,
        compression=None,
        select_subprotocol=lambda _, offered: next(iter(offered), None),
        ping_interval=float(ping),
        close_timeout=0.2,
    )
    admin_port = int(os.environ.get("WSBROKER_ADMIN_PORT", "0"))
    admin = await asyncio.start_server(broker.tell_readiness, "127.0.0.1", admin_port)
    print(f"model listening on ws://127.0.0.1:{server.sockets[0].getsockname()[1]}, store {path}", flush=True)
    runner = asyncio.create_task(broker.run())
    ends = [asyncio.create_task(event.wait()) for event in (stopped, broker.has_failed)]
    await asyncio.wait([runner, *ends], return_when=asyncio.FIRST_COMPLETED)
    if runner.done():
        runner.result()
    if broker.has_failed.is_set():
        await asyncio.sleep(GRACE_SECONDS)
        os._exit(STORAGE_FAILED)
    server.close()
    admin.close()
    runner.cancel()
    await asyncio.gather(runner, return_exceptions=True)
    store.close()


if __name__ == "__main__":
    asyncio.run(main())
