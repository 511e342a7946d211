"""A publisher that numbers its publishes, and one that gives each a name. Both do what the protocol asks of clients."""
from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from typing import Any

from websockets.asyncio.client import ClientConnection

from connection import Client, Ended, Frame, Reconnect
from journal import Journal, Verdict
from plan import CountPlan, Kind, MixedPlan, digit_of, running_total
from report import Report

IN_FLIGHT = 200
REACH = 60
"""How far back a publish is sent again although it has a verdict: well inside the broker's window of 1,024."""


class Publisher(Client):
    """Publishes its plan, number by number, until it is told to finish."""

    def __init__(
        self,
        journal: Journal,
        url: Callable[[], str],
        generator: random.Random,
        report: Report,
        rate: float = 150,
        patience: float = 2,
    ) -> None:
        super().__init__(journal.label, url, generator, report, patience)
        self.journal = journal
        self.rate = rate
        """Publishes per second, while nothing is in the way."""
        self.finishing = False
        """Whether nothing new is to be sent."""
        self.limit: int | None = None
        """The last number to send, if there is one."""
        self.storage_full = 0
        self.storage_unknown = 0
        self._held_until = 0.0
        self._doubted: set[str] = set()

    @property
    def is_done(self) -> bool:
        journal = self.journal
        has_all = self.finishing or (self.limit is not None and journal.sent >= self.limit)
        return has_all and journal.settled == journal.sent

    def is_owed_an_answer(self) -> bool:
        return self.journal.settled < self.journal.sent and time.monotonic() > self._held_until

    def may_send(self, seq: int) -> bool:
        """Whether `seq` may go out now: again, or as the next one."""
        if seq <= self.journal.sent:
            return True
        within = self.limit is None or seq <= self.limit
        return within and not self.finishing and seq - self.journal.settled <= IN_FLIGHT

    async def pause(self, burst: int) -> None:
        """Rests so that `rate` comes out, in bursts and gaps."""
        await asyncio.sleep(self.random.uniform(0, 2 * burst / self.rate))

    def refused(self, frame: Frame, seq: int) -> None:
        """Deals with an `err` about `seq`."""
        match frame["retry"]:
            case "later":
                self.report.put_off += 1
                self.storage_full += frame["code"] == 4203
                self._held_until = time.monotonic() + frame.get("afterMs", 100) / 1000
                self.again(seq)
            case "resend":
                self.storage_unknown += frame["code"] == 4204
                raise Reconnect
            case "reconnect":
                raise Reconnect
            case _:
                if self.journal.plan.publish(seq).kind is not Kind.BAD:
                    self.report.object(f"{self.name} seq {seq} is a good publish and was refused: {frame}")
                self.journal.settle(seq, Verdict.REFUSED)

    def again(self, seq: int) -> None:
        """Goes on from `seq` when the time has come."""
        raise NotImplementedError

    async def hold(self) -> None:
        """Waits while the broker asked for it."""
        while (left := self._held_until - time.monotonic()) > 0:
            await asyncio.sleep(left)

    def check_running_value(self, frame: Frame, seq: int, exact: bool) -> None:
        """Holds the value and the offset in an ack against what they have to be after this publish.

        They may be further along where the ack is of a duplicate, but never beyond what was sent.
        """
        publish = self.journal.plan.publish(seq)
        if publish.kind is not Kind.COUNT or "data" not in frame:
            return
        digit = digit_of(publish.rank)[1]
        least = (digit + 1, running_total(digit))
        found = (frame["offset"], frame["data"])
        is_right = found == least if exact else found[0] >= least[0] and found[1] >= least[1]
        # Once a topic: all later values carry the same fault. What it comes to is counted at the end.
        if not is_right and publish.topic not in self._doubted:
            self._doubted.add(publish.topic)
            word = "has to be" if exact else "has to be at least"
            text = f"the ack of {self.name} seq {seq} ({publish.topic}) has offset and value {found}; it {word} {least}"
            self.report.object(text)


class Producer(Publisher):
    """Exactly-once by `seq`: keeps each publish until its verdict, and resends from `welcome.next`.

    It also resends what has a verdict already, now and then, as a client would that has forgotten it.
    """

    def __init__(
        self,
        journal: Journal,
        url: Callable[[], str],
        generator: random.Random,
        report: Report,
        rate: float = 150,
        patience: float = 2,
        resume: bool = False,
        producer: str | None = None,
    ) -> None:
        super().__init__(journal, url, generator, report, rate, patience)
        self.producer = producer or journal.label
        """Its name at the broker: two publishers may claim one."""
        self.epoch: int | None = None
        self.regressed: Frame | None = None
        self.keeps_going_back = True
        self._resume = resume
        self._next = 1
        """The highest `next` that the broker has told."""
        self._cursor = 1

    def again(self, seq: int) -> None:
        self._cursor = min(self._cursor, seq)

    async def serve(self, socket: ClientConnection) -> None:
        await socket.send(json.dumps(self._hello()))
        async with asyncio.timeout(self.patience):
            frame = json.loads(await socket.recv())
        if frame["op"] == "err":
            self._judge_error(frame)
            raise Reconnect
        self._welcomed(frame["producer"])
        await self.converse(socket, self._send(socket), self._received)

    def _hello(self) -> Frame:
        producer: dict[str, Any] = {"name": self.producer}
        if self.epoch is not None:
            producer |= {"epoch": self.epoch, "acked": self.journal.settled}
        elif self._resume:
            producer["resume"] = True
        return {"op": "hello", "v": 1, "client": "chaos/1", "producer": producer}

    # MARK: Welcome

    def _welcomed(self, producer: Frame) -> None:
        journal = self.journal
        following = producer["next"]
        if self.connects > 1 and self.epoch is not None:
            self.report.reconnects += 1
        if self.epoch not in (None, producer["epoch"]):
            self.report.object(f"{self.name} came with epoch {self.epoch} and was welcomed with {producer['epoch']}")
        if self.epoch is None and self._resume:
            # What an earlier process of this producer has sent; by its plan this one knows what it was.
            journal.send(following - 1)
        self.epoch = producer["epoch"]
        self.regressed = producer.get("regressed", self.regressed)
        if "regressed" in producer:
            self.report.object(f"the broker says that {self.name} has regressed: {producer['regressed']}")
        elif following <= journal.settled:
            self.report.object(f"{self.name} has verdicts up to {journal.settled} and the broker's next is {following}")
        elif following < self._next:
            self.report.object(f"{self.name} was told next {self._next}, and now it is {following}: uncommitted state")
        if following > journal.sent + 1 and "regressed" not in producer:
            self.report.imagined(f"{self.name} has sent {journal.sent} and the broker's next is {following}")
        self._next = max(self._next, following)
        self._resolve(following, producer)
        self._cursor = max(following, journal.settled + 1)
        if self.keeps_going_back and self.random.random() < 0.5:
            self._cursor = max(1, self._cursor - self.random.randint(1, REACH))

    def _resolve(self, following: int, producer: Frame) -> None:
        """Gives verdicts to what was unknown when the last connection was lost."""
        journal, refused = self.journal, set(producer.get("refused", []))
        for seq in list(journal.unsettled(up_to=following - 1)):
            self.report.recovered += 1
            is_bad = journal.plan.publish(seq).kind is Kind.BAD
            if is_bad != (seq in refused):
                text = f"{self.name} seq {seq} is {'bad' if is_bad else 'good'}, and in welcome it is the opposite"
                self.report.object(text)
            journal.settle(seq, Verdict.REFUSED if seq in refused else Verdict.ACCEPTED)
        self.report.resent += max(0, journal.sent + 1 - following)

    # MARK: Sending

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            await self.hold()
            burst = self.random.randint(1, 16)
            sent = 0
            while sent < burst and self.may_send(self._cursor) and time.monotonic() >= self._held_until:
                seq, self._cursor = self._cursor, self._cursor + 1
                sent += seq > self.journal.sent
                await self._publish(socket, seq)
            if self.keeps_going_back and self.journal.settled and self.random.random() < 0.03:
                settled = self.journal.settled
                await self._publish(socket, self.random.randint(max(1, settled - REACH), settled))
            await self.pause(burst)

    async def _publish(self, socket: ClientConnection, seq: int) -> None:
        publish = self.journal.plan.publish(seq)
        frame: Frame = {"op": "pub", "seq": seq, "topic": publish.topic, "data": publish.data}
        if publish.kind is Kind.RETAINED:
            frame["retain"] = True
        self.journal.send(seq)
        await socket.send(json.dumps(frame))

    # MARK: Answers

    def _received(self, frame: Frame) -> None:
        if frame["op"] == "ack" and "seq" in frame:
            self._acknowledged(frame)
        elif frame["op"] == "err" and "seq" in frame:
            self.refused(frame, frame["seq"])
        elif frame["op"] == "err":
            self._judge_error(frame)
        elif frame["op"] == "bye":
            raise Reconnect

    def _acknowledged(self, frame: Frame) -> None:
        journal, seq = self.journal, frame["seq"]
        if seq > journal.sent:
            self.report.imagined(f"{self.name} has sent {journal.sent} and {seq} was acknowledged")
            return
        repeats = frame.get("dups", 0)
        self.report.repeats += repeats
        publish = journal.plan.publish(seq)
        if frame.get("topic", publish.topic) != publish.topic:
            self.report.object(f"the ack of {self.name} seq {seq} is about {frame['topic']}")
        is_repeat = bool(repeats) or seq <= journal.settled
        for waiting in list(journal.unsettled(up_to=seq)):
            if journal.plan.publish(waiting).kind is Kind.BAD:
                self.report.object(f"{self.name} seq {waiting} is bad, and its ack came without an err before it")
            journal.settle(waiting, Verdict.ACCEPTED)
        self.check_running_value(frame, seq, exact=not is_repeat)

    def _judge_error(self, frame: Frame) -> None:
        """An error about the producer and not about one publish."""
        if frame["retry"] == "no":
            raise Ended(frame["name"])
        self.storage_unknown += frame["code"] == 4204
        raise Reconnect


class OncePublisher(Publisher):
    """Exactly-once by `once`: each publish has a name of its own, and no connection knows another."""

    def __init__(
        self,
        journal: Journal,
        url: Callable[[], str],
        generator: random.Random,
        report: Report,
        rate: float = 60,
        patience: float = 2,
    ) -> None:
        super().__init__(journal, url, generator, report, rate, patience)
        self._again: list[int] = []

    def again(self, seq: int) -> None:
        self._again.append(seq)

    def repeat(self, seqs: list[int]) -> None:
        """Sends these once more although they have their acks."""
        self._again += seqs

    async def serve(self, socket: ClientConnection) -> None:
        outstanding = list(self.journal.unsettled())
        self.report.reconnects += self.connects > 1
        self.report.resent += len(outstanding)
        self._again = outstanding
        await self.converse(socket, self._send(socket), self._received)

    async def _send(self, socket: ClientConnection) -> None:
        while True:
            await self.hold()
            again, self._again = self._again, []
            for seq in again:
                await self._publish(socket, seq)
            burst = self.random.randint(1, 8)
            for _ in range(burst):
                if self.may_send(self.journal.sent + 1) and not self._again:
                    await self._publish(socket, self.journal.sent + 1)
            if self.journal.settled and self.random.random() < 0.05:
                settled = self.journal.settled
                self.repeat([self.random.randint(max(1, settled - REACH), settled)])
            await self.pause(burst)

    async def _publish(self, socket: ClientConnection, seq: int) -> None:
        publish = self.journal.plan.publish(seq)
        self.journal.send(seq)
        name = f"{self.name}-{seq}"
        frame = {"op": "pub", "id": seq, "once": name, "topic": publish.topic, "data": publish.data}
        await socket.send(json.dumps(frame))

    def _received(self, frame: Frame) -> None:
        if frame["op"] == "bye":
            raise Reconnect
        seq = frame.get("id")
        if frame["op"] == "err":
            if seq is None:
                self.report.object(f"{self.name} got {frame}")
                raise Reconnect
            self.refused(frame, seq)
            return
        is_repeat = bool(frame.get("dup"))
        self.report.repeats += is_repeat
        if self.journal.verdict(seq) is Verdict.ACCEPTED and not is_repeat:
            self.report.duplicated(f"{self.name} once {seq} was acknowledged before and is not recognized")
        self.journal.settle(seq, Verdict.ACCEPTED)


def producer_journal(label: str) -> Journal:
    return Journal(MixedPlan(label))


def once_journal(label: str) -> Journal:
    return Journal(CountPlan(label))
