"""SIGSTOP: a broker that is frozen for a while, and a client that is, and wakes when another has taken its place."""
from __future__ import annotations

import asyncio
import contextlib
import json
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from checker import take_snapshot
from client import Producer, producer_journal
from connection import Client
from fleet import Fleet
from journal import Journal, Verdict
from scenario import Context, Result

LONE_CLIENT = Path(__file__).parent.parent / "lone_client.py"


async def run(context: Context, result: Result) -> None:
    seconds = 3 if context.short else 30
    # Shorter than the pause, so that a broker that counts its own sleep as the client's silence is seen.
    broker = context.broker(limits={"pingInterval": "1s", "pongTimeout": "1s"})
    async with Fleet(broker, context.generator(), result.report, patience=4 * seconds) as fleet:
        fleet.proxy.calm = True
        patient = fleet.add_producers(2, direct=True)
        for impatient in fleet.add_producers(2, prefix="impatient"):
            impatient.patience = 1
        fleet.add_subscriber(["all", "count/p0"], direct=True)
        await fleet.start_broker()
        fleet.start()
        await fleet.progress(50)
        for _ in range(context.rounds(full=3, short=1)):
            await _pause_broker(fleet, [*patient, *fleet.subscribers], seconds, result)
            result.cycles += 1
        await _fence(fleet, seconds, result)
        await _inherit(fleet, seconds, result)
        result.cycles += 2
        await fleet.drain()
        await fleet.verify()


async def _pause_broker(fleet: Fleet, patient: list[Client], seconds: float, result: Result) -> None:
    before = [client.connects for client in patient]
    fleet.broker.signal(signal.SIGSTOP)
    await asyncio.sleep(seconds)
    fleet.broker.signal(signal.SIGCONT)
    if not await fleet.progress(100):
        result.report.object("publishing did not go on after the broker's pause")
    await asyncio.sleep(2.5)
    if [client.connects for client in patient] != before:
        codes = [code for client in patient for code in client.close_codes]
        result.report.object(f"the broker slept for {seconds} s and cut off clients that were awake; codes {codes}")


async def _fence(fleet: Fleet, seconds: float, result: Result) -> None:
    """A new process of the same producer, with an epoch of its own: the old one has to be fenced."""
    async with LoneClient.running(fleet.broker.url, "zombie", "twin", "--come-again") as zombie:
        await zombie.until_settled(100)
        zombie.signal(signal.SIGSTOP)
        twin = fleet.add_producers(1, rate=1000, direct=True, prefix="twin")[0]
        twin.producer = "twin"
        # Past the numbers of the old one: were they read, they would be taken for duplicates.
        twin.limit = zombie.journal().sent + 600
        twin.start()
        if not await fleet.until(lambda: twin.is_done, 20):
            result.report.object("the twin could not take over from a client that is frozen")
        counted = (await take_snapshot(fleet.broker.url)).total("count/zombie")
        await asyncio.sleep(seconds)
        zombie.signal(signal.SIGCONT)
        ended = await zombie.ended()
        if ended not in ("fenced", "4104"):
            result.report.object(f"the client that woke up ended with {ended} and not with fenced")
        later = (await take_snapshot(fleet.broker.url)).total("count/zombie")
        result.report.differs("what the fenced client has counted", later, counted)
        fleet.journals.append(zombie.journal())
        result.report.findings += zombie.findings
        unknown = zombie.journal().count(Verdict.UNKNOWN)
        result.notes.append(f"the frozen client was fenced; {unknown} of its publishes are left unknown")


async def _inherit(fleet: Fleet, seconds: float, result: Result) -> None:
    """A new process that resumes the epoch: the old one is replaced, and all is counted once."""
    async with LoneClient.running(fleet.broker.url, "heir", "heir", "--once-only") as frozen:
        await frozen.until_settled(100)
        frozen.signal(signal.SIGSTOP)
        heir = Producer(
            producer_journal("heir"), lambda: fleet.broker.url, fleet.random, result.report, patience=4 * seconds,
            resume=True, producer="heir",
        )
        fleet.publishers.append(heir)
        heir.limit = 10_000
        heir.start()
        if not await fleet.until(lambda: heir.journal.settled > frozen.journal().settled + 50, 20):
            result.report.object("the heir could not take over from a client that is frozen")
        await asyncio.sleep(seconds)
        frozen.signal(signal.SIGCONT)
        ended = await frozen.ended()
        # What it is told may get lost with a connection that is long cut.
        if ended not in ("replaced", "4105", "lost"):
            result.report.object(f"the client that woke up ended with {ended} and not with replaced")
        # What it was told counts like what the heir was told; it is the same sequence.
        for seq in range(1, frozen.journal().sent + 1):
            if frozen.journal().verdict(seq) is Verdict.ACCEPTED and heir.journal.verdict(seq) is not Verdict.ACCEPTED:
                result.report.lose(f"heir seq {seq} was acknowledged to the frozen client, and not to its heir")
        result.report.findings += frozen.findings


class LoneClient:
    """lone_client.py, and what it printed last."""

    def __init__(self, process: asyncio.subprocess.Process, label: str) -> None:
        self._process = process
        self._label = label
        self._last: dict[str, Any] = {"verdicts": "", "ended": None, "findings": []}
        self._reader = asyncio.create_task(self._read())

    @staticmethod
    @contextlib.asynccontextmanager
    async def running(url: str, label: str, producer: str, *options: str) -> AsyncIterator[LoneClient]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(LONE_CLIENT), url, label, producer, *options,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, limit=1 << 20,
        )
        client = LoneClient(process, label)
        try:
            yield client
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await client._reader

    async def _read(self) -> None:
        assert self._process.stdout
        async for line in self._process.stdout:
            self._last = json.loads(line)

    @property
    def findings(self) -> list[str]:
        return self._last["findings"]

    def journal(self) -> Journal:
        journal = producer_journal(self._label)
        verdicts = self._last["verdicts"]
        journal.send(len(verdicts))
        for seq, verdict in enumerate(verdicts, start=1):
            if verdict != str(int(Verdict.UNKNOWN)):
                journal.settle(seq, Verdict(int(verdict)))
        return journal

    async def until_settled(self, count: int) -> None:
        async with asyncio.timeout(20):
            while self.journal().settled < count:
                await asyncio.sleep(0.02)

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    async def ended(self) -> str | None:
        """Waits for its end; returns how the broker ended it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(20):
                await self._process.wait()
                await self._reader
        return self._last["ended"]
