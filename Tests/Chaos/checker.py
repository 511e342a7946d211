"""Compares what is stored with what the publishers know.

After Jepsen's set checker: a publish that was acknowledged and is not there is lost, one that is there more than once
is a duplicate, one that nobody sent or that was refused is a phantom. One whose publisher gave up may be there once or
not at all.
"""
from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from websockets.asyncio.client import connect

from journal import Journal, Verdict
from plan import DIGITS, Kind, multiplicities
from report import Report

SUBPROTOCOL = "wsbroker.v1.json"


@dataclass
class Snapshot:
    """All values of a broker: topic to (offset, data), and the epoch of the store."""

    values: dict[str, tuple[int, Any]] = field(default_factory=dict)
    epoch: str | None = None

    def total(self, topic: str) -> int:
        return self.values.get(topic, (0, 0))[1]

    def offset(self, topic: str) -> int:
        return self.values.get(topic, (0, 0))[0]


async def take_snapshot(url: str) -> Snapshot:
    """Reads everything there is, on a connection of its own past the proxy."""
    snapshot = Snapshot()
    async with connect(url, subprotocols=[SUBPROTOCOL], proxy=None, compression=None, max_size=None) as socket:
        await socket.send('{"op":"sub","id":1,"topic":"#"}')
        while (frame := json.loads(await socket.recv())).get("op") != "ack":
            if frame["op"] == "err":
                raise RuntimeError(f"the broker refuses a subscription: {frame}")
            snapshot.values[frame["topic"]] = (frame["offset"], frame["data"])
        await socket.send('{"op":"get","id":2,"topic":"all"}')
        while (frame := json.loads(await socket.recv())).get("id") != 2:
            pass
        snapshot.epoch = frame.get("epoch")
    return snapshot


def check(journals: Iterable[Journal], snapshot: Snapshot, report: Report) -> None:
    """Holds a snapshot against all journals that published into this store."""
    journals = list(journals)
    for journal in journals:
        report.acked += journal.count(Verdict.ACCEPTED)
        _check_counts(journal, snapshot, report)
        _check_retained(journal, snapshot, report)
        _check_keys(journal, snapshot, report)
    _check_names(journals, snapshot, report)
    total = sum(_counted_once(journal.label, snapshot) for journal in journals)
    report.differs("the view 'all', beside the topics that it counts,", snapshot.total("all"), total)


def _counted_once(label: str, snapshot: Snapshot) -> int:
    return sum(sum(multiplicities(_total(snapshot, topic))) for topic in _blocks(label, snapshot))


def _blocks(label: str, snapshot: Snapshot) -> list[str]:
    prefix = f"bits/{label}/"
    return [topic for topic in snapshot.values if topic.startswith(prefix)]


def _total(snapshot: Snapshot, topic: str) -> int:
    total = snapshot.total(topic)
    return total if isinstance(total, int) and total >= 0 else 0


def _check_counts(journal: Journal, snapshot: Snapshot, report: Report) -> None:
    """Each counted publish by its digit; offsets and the view beside them."""
    stored: Counter[int] = Counter()
    for topic in _blocks(journal.label, snapshot):
        block = topic.rpartition("/")[2]
        digits = multiplicities(_total(snapshot, topic))
        if not block.isdigit() or len(digits) > DIGITS or not isinstance(snapshot.total(topic), int):
            report.imagined(f"{topic} has the total {snapshot.total(topic)}, which no publishes make")
            continue
        for digit, times in enumerate(digits):
            stored[journal.plan.seq_of_count(int(block) * DIGITS + digit)] = times
        report.differs(f"the offset of {topic}, beside its total,", snapshot.offset(topic), sum(digits))
    for seq in range(1, max([journal.sent, *stored]) + 1):
        publish = journal.plan.publish(seq)
        if publish.kind is Kind.COUNT:
            _judge(journal, seq, stored[seq], f"{journal.label} seq {seq} ({publish.topic})", report)
    name = f"count/{journal.label}"
    report.differs(f"the view '{name}', beside the topics that it counts,", snapshot.total(name), stored.total())


def _judge(journal: Journal, seq: int, times: int, text: str, report: Report) -> None:
    verdict = journal.verdict(seq)
    if verdict in (Verdict.UNSENT, Verdict.REFUSED) and times:
        report.imagined(f"{text}: {verdict.name.lower()}, counted {times} times", times)
    elif times > 1:
        report.duplicated(f"{text}: {verdict.name.lower()}, counted {times} times", times - 1)
    elif verdict is Verdict.ACCEPTED and times == 0:
        report.lose(f"{text}: acknowledged, not counted")


def _range(journal: Journal, kind: Kind) -> tuple[list[int], list[int]]:
    """The numbers of this kind that have to be stored, and those that may be."""
    certain, possible = [], []
    for seq in range(1, journal.sent + 1):
        if journal.plan.publish(seq).kind is kind:
            verdict = journal.verdict(seq)
            if verdict is Verdict.ACCEPTED:
                certain.append(seq)
            elif verdict is Verdict.UNKNOWN:
                possible.append(seq)
    return certain, possible


def _check_retained(journal: Journal, snapshot: Snapshot, report: Report) -> None:
    topic = f"ret/{journal.label}"
    certain, possible = _range(journal, Kind.RETAINED)
    offset, data = snapshot.values.get(topic, (0, None))
    seq = data.get("seq", 0) if isinstance(data, dict) else 0
    if certain and seq < certain[-1]:
        report.lose(f"{topic} retains seq {seq}, and seq {certain[-1]} was acknowledged")
    elif seq and seq not in certain and seq not in possible:
        report.imagined(f"{topic} retains seq {seq}, which was not sent")
    _within(f"the offset of {topic}", offset, len(certain), len(certain) + len(possible), report)


def _check_keys(journal: Journal, snapshot: Snapshot, report: Report) -> None:
    certain, possible = _range(journal, Kind.EVENT)
    least = Counter(journal.plan.publish(seq).data["id"] for seq in certain)
    room = Counter(journal.plan.publish(seq).data["id"] for seq in possible)
    for key in least.keys() | room.keys():
        name = f"ids/{key}"
        _within(f"the view '{name}'", snapshot.total(name), least[key], least[key] + room[key], report)


def _within(text: str, found: int, least: int, most: int, report: Report) -> None:
    report.differs(text, found, min(max(found, least), most))


def _check_names(journals: list[Journal], snapshot: Snapshot, report: Report) -> None:
    """Topics that nobody published to."""
    labels = {journal.label for journal in journals}
    for topic in snapshot.values:
        levels = topic.split("/")
        if topic == "all" or (len(levels) > 1 and levels[0] in ("mem", "count", "ret", "bits") and levels[1] in labels):
            continue
        if levels[0] == "ids" and levels[-1].rpartition("-")[0] in labels:
            continue
        report.imagined(f"the topic {topic}, which nobody published to")
